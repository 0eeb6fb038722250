import { internal, notFound, unauthorized } from '#base/errors.ts';
import { familiarName, formatReference, type Reference } from '#domain/image/reference.ts';

/** The body of a refusal (OCI distribution specification, Error Codes). */
interface ErrorBody {
  errors?: { code?: string; message?: string }[];
}

const parse: (content: string) => ErrorBody = JSON.parse;

/** The refusal in the words of Docker's client: `manifest unknown: manifest unknown`. */
function refusalOf(content: string): { code: string; words: string } | undefined {
  try {
    const first = parse(content).errors?.[0];
    if (first?.code === undefined) return undefined;
    const { code, message = 'unknown error' } = first;
    return { code, words: `${code.toLowerCase().replaceAll('_', ' ')}: ${message}` };
  } catch {
    return undefined;
  }
}

/** What Docker says when a pull is refused (moby, distribution/errors.go, translatePullError). */
export function pullError(reference: Reference, status: number, content: string): Error {
  const refusal = refusalOf(content);
  const name = familiarName(`${reference.registry}/${reference.repository}`);
  if (status === 401 || status === 403 || refusal?.code === 'DENIED')
    return notFound(
      'registry-denied',
      `pull access denied for ${name}, repository does not exist or may require 'docker login': ` +
        (refusal?.code === 'DENIED' ? refusal.words : 'denied: requested access to the resource is denied'),
    );
  if (refusal?.code === 'NAME_UNKNOWN')
    return notFound('repository-unknown', `repository ${name} not found: ${refusal.words}`);
  if (status === 404)
    return notFound(
      'manifest-unknown',
      `manifest for ${familiarName(formatReference(reference))} not found: ` +
        (refusal?.words ?? 'manifest unknown: manifest unknown'),
    );
  return statusError(status, content);
}

export function pushError(status: number, content: string): Error {
  if (status !== 401 && status !== 403) return statusError(status, content);
  const refusal = refusalOf(content);
  return unauthorized(
    'registry-denied',
    refusal === undefined || refusal.code === 'UNAUTHORIZED'
      ? 'denied: requested access to the resource is denied'
      : refusal.words,
  );
}

function statusError(status: number, content: string): Error {
  const words = refusalOf(content)?.words ?? `received unexpected HTTP status: ${status}`;
  return internal('registry-failed', words);
}
