import { createCipheriv } from 'node:crypto';

/** Bytes that no compression makes smaller, the same each time. */
export function noise(size: number, seed = 0): Buffer {
  const key = Buffer.alloc(16, seed);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}
