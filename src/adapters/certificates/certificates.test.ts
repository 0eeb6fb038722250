import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PemCertificateFiles } from './certificate-files.ts';
import { X509LocalAuthority } from './local-authority.ts';

const now = Date.parse('2026-01-02T03:04:05Z');

/** The first certificate and the key of a PEM text. */
function split(pem: string): { cert: string; key: string } {
  const at = pem.indexOf('-----BEGIN PRIVATE KEY-----');
  return { cert: pem.slice(0, at), key: pem.slice(at) };
}

test('the local authority signs a certificate for a host, valid now and for about a year', async () => {
  const local = new X509LocalAuthority();
  const authority = await local.create(now);
  const { pem, notAfter } = await local.issue(authority, 'shop.test', now);
  const leaf = new X509Certificate(pem);
  const issuer = new X509Certificate(authority);
  assert.ok(leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey));
  assert.equal(leaf.checkHost('shop.test'), 'shop.test');
  assert.equal(leaf.checkHost('other.test'), undefined);
  assert.equal(Date.parse(leaf.validTo), notAfter);
  assert.ok(Date.parse(leaf.validFrom) < now && notAfter > now + 300 * 86_400_000);
  assert.ok(issuer.ca && !leaf.ca);
});

test("files are taken when the key is the certificate's own", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'certificates-'));
  t.after(() => rm(folder, { recursive: true }));
  const local = new X509LocalAuthority();
  const authority = await local.create(now);
  const [one, other] = [
    await local.issue(authority, 'a.test', now),
    await local.issue(authority, 'b.test', now),
  ];
  const at = (name: string): string => join(folder, name);
  await writeFile(at('cert'), split(one.pem).cert);
  await writeFile(at('key'), split(one.pem).key);
  await writeFile(at('other'), split(other.pem).key);
  await writeFile(at('junk'), 'junk');
  const files = new PemCertificateFiles();
  const read = await files.read({ cert: at('cert'), key: at('key') });
  assert.equal(read.notAfter, one.notAfter);
  assert.equal(read.issuer, 'Berth local authority');
  assert.deepEqual(read.names, ['a.test']);
  const fails = (cert: string, key: string, message: RegExp): Promise<void> =>
    assert.rejects(files.read({ cert: at(cert), key: at(key) }), message);
  await fails('cert', 'other', /the key in '.*other' does not belong to the certificate in '.*cert'/);
  await fails('junk', 'key', /'.*junk' holds no certificate in PEM/);
  await fails('cert', 'junk', /'.*junk' holds no private key/);
  await fails('missing', 'key', /'.*missing' cannot be read/);
});
