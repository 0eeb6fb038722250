import { invalid } from '#base/errors.ts';

/** The Docker Engine API versions that are served. */
// Docker's own minimum is 1.24 since version 25; skopeo before 1.15 asks for 1.22 and nothing else.
export const apiVersions = { minimum: '1.22', maximum: '1.51' } as const;

const prefix = /^\/v(\d+(?:\.\d+)*)(?=[/?]|$)/;

/** The URL without its `/v1.NN`. */
export function apiPath(url: string): string {
  const rest = url.replace(prefix, '');
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/**
 * The version that a URL asks for, the newest when it names none.
 * @throws invalid, in Docker's words, for one that is not served
 */
export function negotiate(url: string): string {
  const wanted = prefix.exec(url)?.[1];
  if (wanted === undefined) return apiVersions.maximum;
  if (compareVersions(wanted, apiVersions.minimum) < 0)
    throw invalid(
      'api-version-too-old',
      `client version ${wanted} is too old. Minimum supported API version is ${apiVersions.minimum}, please upgrade your client to a newer version`,
    );
  if (compareVersions(wanted, apiVersions.maximum) > 0)
    throw invalid(
      'api-version-too-new',
      `client version ${wanted} is too new. Maximum supported API version is ${apiVersions.maximum}`,
    );
  return wanted;
}

/** Below, at or above 0 as `a` is older than, the same as or newer than `b`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < Math.max(left?.length ?? 0, right?.length ?? 0); i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
