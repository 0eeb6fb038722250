import { invalid } from '#base/errors.ts';
import type { IngressSecret, OwnCertificate } from '#domain/ingress/model.ts';
import type { Secrets } from '#engine/contracts/secrets.ts';
import type { CertificateFiles, GivenCertificate, NamedText } from '#ports/certificates.ts';

/**
 * A certificate whose chain and key are secrets of an app, in the versions that the app has.
 * @throws invalid `certificate-invalid`, `secret-missing`; as Secrets.value
 */
export async function readSecretPair(
  { certificate, key }: Exclude<OwnCertificate, { cert: string }>,
  secrets: Pick<Secrets, 'value'>,
  files: Pick<CertificateFiles, 'pair'>,
): Promise<GivenCertificate> {
  const read = async ({ secret, stored }: IngressSecret): Promise<NamedText> => {
    if (stored === undefined)
      throw invalid('secret-missing', `the secret '${secret}' of a certificate has no version yet`, {
        hint: 'run berth up again',
      });
    return { name: `the secret '${secret}'`, text: Buffer.from(await secrets.value(stored)).toString() };
  };
  return files.pair(await read(certificate), await read(key));
}
