import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './docker.ts';

/** An authority of its own with a server's certificate for loopback and `registry.test` and a client's, as `docker --tlsverify` reads them. */
export async function makeCertificates(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const openssl = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await run('openssl', args, { cwd: folder });
    assert.equal(code, 0, stderr);
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca-key.pem',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=ca',
    '-days',
    '2',
  );
  const purposes = [
    ['server', 'subjectAltName=IP:127.0.0.1,DNS:registry.test\nextendedKeyUsage=serverAuth\n'],
    ['client', 'extendedKeyUsage=clientAuth\n'],
  ] as const;
  for (const [name, extensions] of purposes) {
    await writeFile(join(folder, `${name}.ext`), extensions);
    await openssl(
      'req',
      ...newKey,
      '-keyout',
      `${name}-key.pem`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${name}`,
    );
    await openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial'],
      ...['-out', `${name}.pem`, '-days', '2', '-extfile', `${name}.ext`],
    );
  }
}

/** The docker client's options for them. */
export function clientCertificate(folder: string): string[] {
  const path = (name: string): string => join(folder, name);
  return [
    ...['--tlsverify', '--tlscacert', path('ca.pem')],
    ...['--tlscert', path('client.pem'), '--tlskey', path('client-key.pem')],
  ];
}
