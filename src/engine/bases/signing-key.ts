import {
  createHash,
  createPrivateKey,
  createPublicKey,
  randomBytes,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { KeyedMutex } from '#base/mutex.ts';
import type { KeyStore } from '#ports/key-store.ts';

/** Before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7). */
const keyHeader = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The key by which this installation signs what it makes: Ed25519, made when it is first needed. */
export class SigningKey {
  readonly #keys: KeyStore;
  readonly #lock = new KeyedMutex();
  #key: KeyObject | undefined;

  constructor(keys: KeyStore) {
    this.#keys = keys;
  }

  /** Base64. The same bytes have the same signature. @throws invalid `key-file-invalid` */
  async sign(bytes: Uint8Array): Promise<string> {
    return sign(null, bytes, await this.#private()).toString('base64');
  }

  async verify(bytes: Uint8Array, signature: string): Promise<boolean> {
    const key = createPublicKey(await this.#private());
    return verify(null, bytes, key, Buffer.from(signature, 'base64'));
  }

  /** PEM, as cosign and openssl take it. */
  async publicKey(): Promise<string> {
    return createPublicKey(await this.#private()).export({ type: 'spki', format: 'pem' });
  }

  /** SHA-256 of the public key, for people to compare. */
  async fingerprint(): Promise<string> {
    return keyFingerprint(createPublicKey(await this.#private()));
  }

  async #private(): Promise<KeyObject> {
    this.#key ??= await this.#lock.run('key', async () => {
      const [known] = await this.#keys.read();
      const seed = known ?? randomBytes(32);
      if (known === undefined) await this.#keys.write([seed]);
      return createPrivateKey({ key: Buffer.concat([keyHeader, seed]), format: 'der', type: 'pkcs8' });
    });
    return this.#key;
  }
}

/** SHA-256 of a public key, for people to compare. */
export function keyFingerprint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}
