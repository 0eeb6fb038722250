import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { invalid, reasonOf, systemCode } from '#base/errors.ts';

/** PEM texts with which a client shows who it is and checks who answers. */
export interface ClientTls {
  ca?: string;
  cert?: string;
  key?: string;
  /** Whether the server has to have a certificate of `ca`, for the name or address that was called. */
  rejectUnauthorized: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * With BERTH_CERT_PATH, a folder with ca.pem, cert.pem and key.pem as Docker's, TCP is spoken by TLS. The server is verified
 * unless BERTH_TLS_VERIFY is 0, which is encryption without knowing to whom. Undefined without the folder.
 * @throws invalid `tls-files` naming the file that cannot be read
 */
export async function readClientTls(environment: Environment): Promise<ClientTls | undefined> {
  const { BERTH_CERT_PATH: folder = '', BERTH_TLS_VERIFY: verify = '1' } = environment;
  if (folder === '') {
    if (environment['BERTH_TLS_VERIFY'] === undefined || isOff(verify)) return undefined;
    throw invalid(
      'tls-files',
      'BERTH_TLS_VERIFY is set, but BERTH_CERT_PATH names no folder of certificates',
    );
  }
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((name) => pem(folder, name)),
  );
  if (!isOff(verify) && ca === undefined)
    throw missing(folder, 'ca.pem', 'without it the server cannot be verified');
  if ((cert === undefined) !== (key === undefined))
    throw missing(
      folder,
      cert === undefined ? 'cert.pem' : 'key.pem',
      'a certificate and its key go together',
    );
  return {
    rejectUnauthorized: !isOff(verify),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

function isOff(verify: string): boolean {
  return ['', '0', 'false', 'no'].includes(verify.toLowerCase());
}

async function pem(folder: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, name), 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw invalid(
      'tls-files',
      `BERTH_CERT_PATH: the file '${join(folder, name)}' cannot be read: ${reasonOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

function missing(folder: string, name: string, why: string): Error {
  return invalid('tls-files', `BERTH_CERT_PATH: there is no '${join(folder, name)}': ${why}`, {
    hint: 'the folder holds ca.pem, cert.pem and key.pem, as DOCKER_CERT_PATH',
  });
}

/** What to do about a connection that TLS, or its absence, broke; undefined when it was something else. */
export function tlsHint(code: string | undefined, isTls: boolean): string | undefined {
  if (code === undefined) return undefined;
  if (!isTls)
    return code === 'ECONNRESET' || code.startsWith('HPE_')
      ? 'the daemon may speak TLS there: set BERTH_CERT_PATH to a folder with ca.pem, cert.pem and key.pem'
      : undefined;
  if (/^(ERR_SSL_.*ALERT|ECONNRESET)/.test(code))
    return 'the daemon did not take the client certificate in BERTH_CERT_PATH: it wants one of its own authority';
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
    return 'the daemon speaks no TLS there: unset BERTH_CERT_PATH';
  if (/CERT|SIGNATURE|ISSUER|ALTNAME/.test(code))
    return "ca.pem in BERTH_CERT_PATH is not the authority of the daemon's certificate, or that one is for another name";
  return undefined;
}
