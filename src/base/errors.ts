/**
 * What went wrong, by what the caller can do about it. One place (api/) maps a kind to an HTTP status.
 */
export type ErrorKind =
  | 'invalid' // the request is wrong: change it (400)
  | 'unauthorized' // credentials are missing or wrong (401)
  | 'forbidden' // allowed to nobody, or not to this caller (403)
  | 'not-found' // the named thing does not exist (404)
  | 'conflict' // the thing's present state forbids it (409)
  | 'unchanged' // it is already so (304)
  | 'unsupported' // known, but not offered (501)
  | 'unavailable' // a part that is needed does not answer now (503)
  | 'internal'; // our fault (500)

export interface ErrorDetails {
  /** What to do next, in one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * The only error that reaches a person. `message` names the action, quotes the value and says what was
 * found and what is required; `code` is stable (kebab case, for scripts and documentation).
 */
export class BerthError extends Error {
  override readonly name = 'BerthError';
  readonly kind: ErrorKind;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(kind: ErrorKind, code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.code = code;
    this.hint = details.hint;
  }
}

type Make = (code: string, message: string, details?: ErrorDetails) => BerthError;
const of =
  (kind: ErrorKind): Make =>
  (code, message, details) =>
    new BerthError(kind, code, message, details);

export const invalid = of('invalid');
export const unauthorized = of('unauthorized');
export const forbidden = of('forbidden');
export const notFound = of('not-found');
export const conflict = of('conflict');
export const unchanged = of('unchanged');
export const unsupported = of('unsupported');
export const unavailable = of('unavailable');
export const internal = of('internal');

/** The same error with the failed action before its message; what is no error of ours stays as it is. */
export function within(action: string, error: unknown): unknown {
  if (!(error instanceof BerthError)) return error;
  const { kind, code, message, hint } = error;
  return new BerthError(kind, code, `${action}: ${message}`, {
    cause: error,
    ...(hint !== undefined && { hint }),
  });
}

export function isKind(error: unknown, kind: ErrorKind): error is BerthError {
  return error instanceof BerthError && error.kind === kind;
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** As `messageOf`, of a Node system error only the words for people: without code, call and path. */
export function reasonOf(error: unknown): string {
  const message = messageOf(error);
  return /^E[A-Z]+: ([^,]+)(?:, |$)/.exec(message)?.[1] ?? message;
}

/** The `code` of a Node system error (ENOENT ...), or undefined: also for our own errors, whose codes are others. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof BerthError || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
