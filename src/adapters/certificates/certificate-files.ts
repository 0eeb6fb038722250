import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { invalid, messageOf } from '#base/errors.ts';
import type { Certificate, CertificateFiles } from '#ports/certificates.ts';

/** Certificates in PEM files. */
export class PemCertificateFiles implements CertificateFiles {
  async read({ cert, key }: { cert: string; key: string }): Promise<Certificate> {
    const [chain, secret] = [await textOf(cert), await textOf(key)];
    const leaf = attempt(() => new X509Certificate(chain), `'${cert}' holds no certificate in PEM`);
    const pair = attempt(() => createPrivateKey(secret), `'${key}' holds no private key in PEM`);
    if (!leaf.checkPrivateKey(pair))
      throw wrong(`the key in '${key}' does not belong to the certificate in '${cert}'`);
    return describe(`${chain.trim()}\n${secret.trim()}\n`);
  }
}

/** What its first certificate says. */
export function describe(pem: string): Certificate {
  const leaf = new X509Certificate(pem);
  const [, issuer] = /^(?:CN|O)=(.+)$/m.exec(leaf.issuer) ?? [];
  return {
    pem,
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Date.parse(leaf.validTo),
    issuer: issuer ?? leaf.issuer,
  };
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw wrong(`'${path}' cannot be read: ${messageOf(error)}`);
  }
}

function attempt<T>(read: () => T, problem: string): T {
  try {
    return read();
  } catch {
    throw wrong(problem);
  }
}

function wrong(problem: string): Error {
  return invalid('certificate-invalid', `the certificate cannot be used: ${problem}`);
}
