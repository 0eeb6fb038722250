import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type * as Library from '@peculiar/x509';
import type { Certificate, LocalAuthority } from '#ports/certificates.ts';

type X509 = typeof Library;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 86_400_000;
const years10 = 3650 * dayMs;
/** What browsers accept from authorities that people trust by hand. */
const leafMs = 397 * dayMs;
/** Clocks of clients may be behind. */
const slackMs = 3_600_000;

type Extensions = NonNullable<
  Parameters<(typeof Library.X509CertificateGenerator)['create']>[0]['extensions']
>;

/** An authority of this machine alone, with keys on the curve P-256. */
export class X509LocalAuthority implements LocalAuthority {
  async create(now: number): Promise<string> {
    const x509 = await load();
    const keys = await newKeys();
    const made = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=Berth local authority',
      keys,
      signingAlgorithm: algorithm,
      serialNumber: serial(),
      notBefore: new Date(now - slackMs),
      notAfter: new Date(now + years10),
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return `${made.toString('pem')}\n${await keyPem(x509, keys.privateKey)}`;
  }

  async issue(
    authority: string,
    host: string,
    now: number,
    others: readonly string[] = [],
  ): Promise<Certificate> {
    const x509 = await load();
    const issuer = new x509.X509Certificate(authority);
    const signingKey = await importKey(authority);
    const keys = await newKeys();
    const notAfter = now + leafMs;
    const name = host === '' ? 'unknown.invalid' : host;
    const extensions: Extensions = [
      new x509.BasicConstraintsExtension(false),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        [name, ...others].map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ];
    const made = await x509.X509CertificateGenerator.create({
      subject: `CN=${name.slice(0, 64)}`,
      issuer: issuer.subject,
      publicKey: keys.publicKey,
      signingKey,
      signingAlgorithm: algorithm,
      serialNumber: serial(),
      notBefore: new Date(now - slackMs),
      notAfter: new Date(notAfter),
      extensions,
    });
    const key = await keyPem(x509, keys.privateKey);
    return {
      pem: `${made.toString('pem')}\n${issuer.toString('pem')}\n${key}`,
      notBefore: now,
      notAfter,
      issuer: 'Berth local authority',
    };
  }
}

/** Its library is large, and most daemons never need it. */
async function load(): Promise<X509> {
  return (await import('./x509-library.ts')).x509;
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function keyPem(x509: X509, key: webcrypto.CryptoKey): Promise<string> {
  const bytes = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(bytes, 'PRIVATE KEY')}\n`;
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [, text = ''] = /-----BEGIN PRIVATE KEY-----([^-]+)-----END/.exec(pem) ?? [];
  return webcrypto.subtle.importKey('pkcs8', Buffer.from(text, 'base64'), algorithm, true, ['sign']);
}

/** Positive, as RFC 5280, section 4.1.2.2 asks. */
function serial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  return `01${Buffer.from(bytes).toString('hex')}`;
}
