import type { FastifyError } from 'fastify';
import { apiPath } from '#api/versions.ts';
import { explainDiskFull } from '#base/disk-full.ts';
import { BerthError, invalid, messageOf, type ErrorKind } from '#base/errors.ts';

/** The one place that knows which HTTP status a kind of error has. */
const status = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  unchanged: 304,
  unsupported: 501,
  unavailable: 503,
  internal: 500,
} as const satisfies Record<ErrorKind, number>;

/** Carries the stable code of an error on every route; Docker's own bodies have a message only. */
export const errorCodeHeader = 'Berth-Error-Code';

/** Whether a URL is of Berth's own API, whose error bodies have code and hint too. */
export function isBerths(url: string): boolean {
  return apiPath(url).startsWith('/berth/');
}

/** Docker's ErrorResponse, with what Berth's own routes add. */
export interface ErrorBody {
  message: string;
  code?: string;
  hint?: string;
}

export interface ErrorResponse {
  status: number;
  body: ErrorBody;
}

/** Status and body for anything that a route threw. Of an unexpected error only the message is told. */
export function errorResponse(thrown: unknown): ErrorResponse {
  const error = explainDiskFull(thrown);
  const known = error instanceof BerthError ? error : fromFastify(error);
  if (known === undefined) return { status: 500, body: { message: messageOf(error), code: 'internal' } };
  const body: ErrorBody = { message: known.message, code: known.code };
  if (known.hint !== undefined) body.hint = known.hint;
  return { status: status[known.kind], body };
}

function fromFastify(error: unknown): BerthError | undefined {
  if (!isFastifyError(error)) return undefined;
  const problem = error.validation?.[0];
  if (problem !== undefined) {
    const part = error.validationContext ?? 'request';
    const field = fieldOf(problem.instancePath, problem.params);
    const where = field === '' ? part : `${part} field '${field}'`;
    return invalid('request-invalid', `invalid ${where}: ${problem.message ?? 'is not allowed'}`);
  }
  if (error.statusCode === undefined || error.statusCode >= 500) return undefined;
  return invalid('request-invalid', error.message);
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && 'code' in error && ('validation' in error || 'statusCode' in error);
}

/** `/HostConfig/Memory` and `{missingProperty: 'Name'}` as `HostConfig.Memory` and `Name`. */
function fieldOf(path: string, params: Record<string, unknown>): string {
  const missing = params['missingProperty'] ?? params['additionalProperty'];
  const parts = path.split('/').filter((part) => part !== '');
  if (typeof missing === 'string') parts.push(missing);
  return parts.join('.');
}
