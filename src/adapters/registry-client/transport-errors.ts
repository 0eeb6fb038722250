import { isIP } from 'node:net';
import { internal, messageOf, systemCode } from '#base/errors.ts';

/** A connection that gives no byte for so long counts as broken. @param millis milliseconds */
export function stalled(millis: number): Error {
  return Object.assign(new Error(`no data for ${millis / 1000} seconds`), { code: 'ETIMEDOUT' });
}

/** `Get "http://localhost:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused`, as Go says it. */
export function unreachable(
  { method, url }: { method: string; url: URL },
  why: string,
  cause?: unknown,
): Error {
  const verb = `${method.slice(0, 1)}${method.slice(1).toLowerCase()}`;
  return internal('registry-unreachable', `${verb} "${url.origin}${url.pathname}": ${why}`, { cause });
}

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

/** The connection failed in a way that another try may mend. */
export function isTransient(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = systemCode(cause) ?? '';
  return ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'ERR_STREAM_PREMATURE_CLOSE'].includes(code);
}
