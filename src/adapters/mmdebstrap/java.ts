import { createHash, X509Certificate } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { namesIfThere } from '#adapters/files/if-there.ts';

// What the maintainer scripts of OpenJDK and ca-certificates-java do.

const jvms = 'usr/lib/jvm';

/** A link in /usr/bin for each program of the image's Java. */
export async function javaLinks(root: string): Promise<void> {
  const [home] = await javaHomes(root);
  if (home === undefined) return;
  await mkdir(join(root, 'usr/bin'), { recursive: true });
  for (const name of await readdir(join(root, jvms, home, 'bin')))
    if (!(await namesIfThere(join(root, 'usr/bin'))).includes(name))
      await symlink(`../lib/jvm/${home}/bin/${name}`, join(root, 'usr/bin', name));
}

async function javaHomes(root: string): Promise<string[]> {
  return (await namesIfThere(join(root, jvms))).filter((name) => /^java-\d+-openjdk-/.test(name)).sort();
}

/** The authorities of the host in /etc/ssl/certs/java/cacerts, to which every runtime's own file leads. */
export async function javaAuthorities(root: string): Promise<void> {
  const folder = join(root, 'usr/share/ca-certificates/mozilla');
  const names = (await namesIfThere(folder)).filter((name) => name.endsWith('.crt')).sort();
  const entries = await Promise.all(
    names.map(async (name) => ({
      alias: `debian:${basename(name, '.crt').toLowerCase()}`,
      certificate: new X509Certificate(await readFile(join(folder, name))).raw,
    })),
  );
  await mkdir(join(root, 'etc/ssl/certs/java'), { recursive: true });
  await writeFile(join(root, 'etc/ssl/certs/java/cacerts'), keyStore(entries));
}

/** Everyone knows it: it protects against accidents only. */
const password = 'changeit';

/**
 * A Java key store (the format JKS, version 2) of trusted certificates, with no time in it.
 * Layout: `sun.security.provider.JavaKeyStore.engineStore`.
 */
function keyStore(entries: { alias: string; certificate: Buffer }[]): Buffer {
  const trustedCertificate = 2;
  const body = Buffer.concat([
    Buffer.from('feedfeed', 'hex'),
    number(2),
    number(entries.length),
    ...entries.flatMap(({ alias, certificate }) => [
      number(trustedCertificate),
      text(alias),
      Buffer.alloc(8),
      text('X.509'),
      number(certificate.length),
      certificate,
    ]),
  ]);
  const digest = createHash('sha1')
    .update(Buffer.from(password, 'utf16le').swap16())
    .update('Mighty Aphrodite')
    .update(body)
    .digest();
  return Buffer.concat([body, digest]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Java's modified UTF-8; aliases are given in ASCII alone. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value.replace(/[^\x20-\x7e]/g, '_'), 'latin1');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
