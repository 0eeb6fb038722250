import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { invalid, messageOf } from '#base/errors.ts';
import type { Settings } from '#domain/settings/settings.ts';

export interface TlsTexts {
  cert: string;
  key: string;
  ca?: string;
}

/**
 * The PEM files of the settings; undefined without TLS.
 * @throws invalid `tls-files` naming the setting whose file cannot be read or used
 */
export async function readTlsFiles({
  ca,
  cert,
  key,
  verify,
}: Settings['api']['tls']): Promise<TlsTexts | undefined> {
  if (cert === '') return undefined;
  const texts = {
    cert: await pem('api.tls.cert', cert),
    key: await pem('api.tls.key', key),
    ...(verify && { ca: await pem('api.tls.ca', ca) }),
  };
  try {
    createSecureContext(texts);
  } catch (error) {
    throw invalid(
      'tls-files',
      `the files of api.tls.cert, api.tls.key and api.tls.ca cannot be used: ${messageOf(error)}`,
      {
        cause: error,
        hint: 'openssl x509 -in FILE -noout -text shows a certificate; the key must belong to it',
      },
    );
  }
  return texts;
}

async function pem(key: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw invalid('tls-files', `${key}: the file '${path}' cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
