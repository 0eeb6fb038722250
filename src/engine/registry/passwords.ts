import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Semaphore } from '#base/semaphore.ts';

/** A password as it is kept: scrypt (RFC 7914) with its parameters, so that they can grow. Base64. */
export interface PasswordHash {
  cost: number;
  salt: string;
  hash: string;
}

const cost = 2 ** 15;
const keyBytes = 32;
/** Milliseconds for which a password that was right is right without being hashed again. */
const rememberMs = 300_000;
const remembered = 1000;

const derive = promisify<string, Buffer, number, { N: number; maxmem: number }, Buffer>(scrypt);

/** Hashes passwords, few at a time: each takes 32 MiB and a thread for a tenth of a second. */
export class Passwords {
  readonly #places = new Semaphore(2);
  readonly #now: () => number;
  readonly #key = randomBytes(32);
  /** What was right of late, by a digest that is of no use outside this process. */
  readonly #right = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  async hash(password: string): Promise<PasswordHash> {
    const salt = randomBytes(16);
    const hash = await this.#derive(password, salt, cost);
    return { cost, salt: salt.toString('base64'), hash: hash.toString('base64') };
  }

  async isRight(password: string, kept: PasswordHash): Promise<boolean> {
    const name = createHmac('sha256', this.#key).update(`${kept.hash}\n${password}`).digest('base64');
    if ((this.#right.get(name) ?? 0) > this.#now()) return true;
    const found = await this.#derive(password, Buffer.from(kept.salt, 'base64'), kept.cost);
    if (!timingSafeEqual(found, Buffer.from(kept.hash, 'base64'))) return false;
    if (this.#right.size >= remembered) this.#right.clear();
    this.#right.set(name, this.#now() + rememberMs);
    return true;
  }

  async #derive(password: string, salt: Buffer, N: number): Promise<Buffer> {
    const release = await this.#places.take();
    try {
      return await derive(password, salt, keyBytes, { N, maxmem: 256 * N * 8 });
    } finally {
      release();
    }
  }
}
