import { internal, systemCode } from '#base/errors.ts';

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

/** The connection failed in a way that another try may mend. */
export function isTransient(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = systemCode(cause) ?? '';
  return ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'ERR_STREAM_PREMATURE_CLOSE'].includes(code);
}
