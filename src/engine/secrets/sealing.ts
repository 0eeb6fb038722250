import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';

// Envelopes: a value is sealed by a data key of its own, and that by the master key, so that another master key
// costs no value to be sealed again. AES-256-GCM (NIST SP 800-38D) with a random nonce for each seal; a data key
// seals once. What the seal is about (which secret, which version) is authenticated with it, so that no sealed
// value can stand in for another.

const algorithm = 'aes-256-gcm';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** What the state store holds of a value, both parts in base64. */
export interface Sealed {
  /** The data key, sealed by the master key. */
  key: string;
  /** The value, sealed by the data key. */
  value: string;
}

export function newKey(): Uint8Array {
  return randomBytes(keyBytes);
}

/** Tells keys apart without telling anything of them. */
export function keyId(key: Uint8Array): string {
  return createHash('sha256').update('berth key id\0').update(key).digest('hex').slice(0, 16);
}

/** @param about authenticated with it: `open` must be given the same */
export function seal(master: Uint8Array, about: string, value: Uint8Array): Sealed {
  const key = newKey();
  return { key: box(master, `key\0${about}`, key), value: box(key, about, value) };
}

/** Undefined when the key is another one, or anything was changed. */
export function open(master: Uint8Array, about: string, { key, value }: Sealed): Uint8Array | undefined {
  const dataKey = unbox(master, `key\0${about}`, key);
  return dataKey === undefined ? undefined : unbox(dataKey, about, value);
}

/** Under another master key. Undefined as with `open`. */
export function reseal(
  former: Uint8Array,
  next: Uint8Array,
  about: string,
  { key, value }: Sealed,
): Sealed | undefined {
  const dataKey = unbox(former, `key\0${about}`, key);
  return dataKey === undefined ? undefined : { key: box(next, `key\0${about}`, dataKey), value };
}

/** Equal for equal values about the same; without the key it tells nothing of the value. */
export function keyedDigest(key: Uint8Array, about: string, value: Uint8Array): string {
  return createHmac('sha256', key).update(`${about}\0`).update(value).digest('hex');
}

function box(key: Uint8Array, about: string, content: Uint8Array): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(about));
  const sealed = [cipher.update(content), cipher.final()];
  return Buffer.concat([nonce, cipher.getAuthTag(), ...sealed]).toString('base64');
}

function unbox(key: Uint8Array, about: string, text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  const [nonce, tag] = [bytes.subarray(0, nonceBytes), bytes.subarray(nonceBytes, nonceBytes + tagBytes)];
  if (tag.length !== tagBytes) return undefined;
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(about));
  decipher.setAuthTag(tag);
  const parts = [decipher.update(bytes.subarray(nonceBytes + tagBytes))];
  try {
    return Buffer.concat([...parts, decipher.final()]);
  } catch {
    return undefined;
  }
}
