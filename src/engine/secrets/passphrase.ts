import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify<string, Uint8Array, number, object, Uint8Array>(scrypt);

/** How a passphrase becomes a key (RFC 7914). Stored: a later Berth may ask for more. */
export interface Stretching {
  /** Base64. */
  salt: string;
  cost: number;
  blockSize: number;
  parallelization: number;
}

/** 128 MiB and a few tenths of a second: what is guessed pays the same for each guess. */
export function newStretching(): Stretching {
  return { salt: randomBytes(16).toString('base64'), cost: 2 ** 17, blockSize: 8, parallelization: 1 };
}

/** The key of 32 bytes. Runs on the thread pool. */
export function keyOfPassphrase(passphrase: string, how: Stretching): Promise<Uint8Array> {
  const { salt, cost, blockSize, parallelization } = how;
  const maxmem = 2 * 128 * cost * blockSize;
  return derive(passphrase, Buffer.from(salt, 'base64'), 32, { cost, blockSize, parallelization, maxmem });
}
