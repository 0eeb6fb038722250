import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { invalid, reasonOf } from '#base/errors.ts';
import type { Certificate, CertificateFiles, GivenCertificate, NamedText } from '#ports/certificates.ts';

/** Certificates in PEM files. */
export class PemCertificateFiles implements CertificateFiles {
  async read({ cert, key }: { cert: string; key: string }): Promise<GivenCertificate> {
    const [chain, secret] = [await textOf(cert), await textOf(key)];
    return this.pair({ name: `'${cert}'`, text: chain }, { name: `'${key}'`, text: secret });
  }

  pair(chain: NamedText, key: NamedText): GivenCertificate {
    const leaf = attempt(() => new X509Certificate(chain.text), `${chain.name} holds no certificate in PEM`);
    const secret = attempt(() => createPrivateKey(key.text), `${key.name} holds no private key in PEM`);
    if (!leaf.checkPrivateKey(secret))
      throw wrong(`the key in ${key.name} does not belong to the certificate in ${chain.name}`);
    const pem = `${chain.text.trim()}\n${key.text.trim()}\n`;
    return { ...describe(pem), names: namesOf(leaf) };
  }

  describe(pem: string): Certificate {
    return describe(pem);
  }
}

/** Of its subjectAltName, the only place where clients look (RFC 9525, section 6.3). */
function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  return subjectAltName.split(', ').flatMap((entry) => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1] ?? []);
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
    throw wrong(`'${path}' cannot be read: ${reasonOf(error)}`);
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
