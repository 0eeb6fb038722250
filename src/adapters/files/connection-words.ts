import { isIP } from 'node:net';
import { messageOf, systemCode } from '#base/errors.ts';

const goWords: Record<string, string> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
};

/** What Go says for an error of a connection. */
export function wordsOf(error: unknown): string {
  // Where a name has several addresses, Node gives one error for each.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = systemCode(first) ?? '';
  if (code === 'ECONNRESET') return 'read: connection reset by peer';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `dial tcp: lookup ${hostOf(first)}: no such host`;
  const words = goWords[code];
  return words === undefined ? messageOf(first) : `dial tcp ${addressOf(first)}${words}`;
}

function hostOf(error: unknown): string {
  return error instanceof Error && 'hostname' in error ? String(error.hostname) : '';
}

function addressOf(error: unknown): string {
  if (!(error instanceof Error) || !('address' in error) || !('port' in error)) return '';
  const address = String(error.address);
  return `${isIP(address) === 6 ? `[${address}]` : address}:${String(error.port)}: `;
}
