import { createHash, randomBytes } from 'node:crypto';

/** A new 64-digit hexadecimal identifier, as Docker's containers and networks have. */
export function newId(): string {
  return randomBytes(32).toString('hex');
}

/** The 12 digits that people see. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}

/** SHA-256 of a text, in hexadecimal digits. */
export function fingerprint(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
