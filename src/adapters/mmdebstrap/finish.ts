import {
  access,
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  rm,
  rmdir,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode, unavailable } from '#base/errors.ts';
import { alternatives } from '#domain/base/layout.ts';
import type { BaseContents } from '#domain/base/contents.ts';
import type { Extra, Finishing } from '#domain/base/recipes/recipe.ts';
import { javaAuthorities, javaLinks } from './java.ts';
import { phpSetup } from './php.ts';
import { run } from './children.ts';

// The tree comes from signed packages and nothing else writes to it, so paths below it can be trusted.

/** Makes in `root` what the maintainer scripts would have made. */
export async function finish(
  root: string,
  { extras, finishing }: Pick<BaseContents, 'extras' | 'finishing'>,
  signal: AbortSignal,
): Promise<void> {
  for (const extra of extras) await make(root, extra);
  for (const { path, to } of alternatives)
    if ((await exists(join(root, dirname(path), to))) && !(await exists(join(root, path))))
      await symlink(to, join(root, path));
  await trustBundle(root);
  for (const kind of finishing) await finishings[kind](root, signal);
  await rebuildLibraryCache(root, signal);
}

const finishings: Readonly<Record<Finishing, (root: string, signal: AbortSignal) => Promise<void>>> = {
  'busybox-links': busyboxLinks,
  'java-authorities': javaAuthorities,
  'java-links': javaLinks,
  php: phpSetup,
};

/** A link for each applet that the image's own busybox has, where no other package has a program. */
async function busyboxLinks(root: string, signal: AbortSignal): Promise<void> {
  const listed = await run({ command: ['chroot', root, '/bin/busybox', '--list-full'], signal });
  if (listed.exitCode !== 0)
    throw unavailable('bootstrap-failed', `list the applets of busybox: ${listed.tail}`);
  for (const name of listed.stdout.split('\n').filter((line) => line !== '')) {
    const path = join(root, name.startsWith('usr/') ? name : `usr/${name}`);
    await mkdir(dirname(path), { recursive: true });
    if (!(await exists(path))) await symlink('/bin/busybox', path);
  }
}

async function make(root: string, extra: Extra): Promise<void> {
  const path = join(root, extra.path);
  await mkdir(dirname(path), { recursive: true });
  if (extra.kind === 'link') {
    await replaceByLink(path, extra.to);
    return;
  }
  if (extra.kind === 'directory') await mkdir(path, { recursive: true });
  else await writeFile(path, extra.content);
  if (extra.owner !== undefined) await chown(path, extra.owner.uid, extra.owner.gid);
  if (extra.mode !== undefined) await chmod(path, extra.mode);
}

/** base-files ships /var/run as a directory and links it when it is configured. */
async function replaceByLink(path: string, to: string): Promise<void> {
  try {
    if ((await lstat(path)).isDirectory()) await rmdir(path);
    else await rm(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  await symlink(to, path);
}

/** What update-ca-certificates does: one file with all authorities, where curl and OpenSSL look for it. */
async function trustBundle(root: string): Promise<void> {
  const authorities = join(root, 'usr/share/ca-certificates');
  if (!(await exists(authorities))) return;
  const names = (await readdir(authorities, { recursive: true }))
    .filter((name) => name.endsWith('.crt'))
    .sort();
  const texts = await Promise.all(names.map((name) => readFile(join(authorities, name), 'utf8')));
  await mkdir(join(root, 'etc/ssl/certs'), { recursive: true });
  await writeFile(join(root, 'etc/ssl/certs/ca-certificates.crt'), texts.map(ensureNewline).join(''));
  await writeFile(join(root, 'etc/ca-certificates.conf'), names.map((name) => `${name}\n`).join(''));
  const openssl = join(root, 'usr/lib/ssl/cert.pem');
  await mkdir(dirname(openssl), { recursive: true });
  await replaceByLink(openssl, '/etc/ssl/certs/ca-certificates.crt');
}

const ensureNewline = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);

/** The image's own ldconfig writes the cache: the host's would leave its version in it. */
async function rebuildLibraryCache(root: string, signal: AbortSignal): Promise<void> {
  if (!(await exists(join(root, 'sbin/ldconfig')))) return;
  const ended = await run({ command: ['chroot', root, '/sbin/ldconfig', '-X'], signal });
  if (ended.exitCode !== 0) throw unavailable('bootstrap-failed', `write the library cache: ${ended.tail}`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
