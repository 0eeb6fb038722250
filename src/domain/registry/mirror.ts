import { invalid } from '#base/errors.ts';
import { isRepositoryName } from './names.ts';

/** Repositories below `prefix` are those of another registry, kept here once they were asked for. */
export interface Mirror {
  /** First part of the repositories' names; `*`: the host that a name begins with, such as `ghcr.io/team/app`. */
  prefix: string;
  /** HOST[:PORT], or HOST[:PORT]/PATH for the repositories below a path; '' with the prefix `*`. */
  upstream: string;
  /** Name of the secret with `USER:PASSWORD` for the upstream. */
  secret?: string;
  /** Seconds for which a tag is taken as it was last seen. */
  freshFor: number;
}

export interface UpstreamName {
  mirror: Mirror;
  registry: string;
  repository: string;
}

/** @throws invalid `registry-mirror-invalid` */
export function checkMirror(mirror: Mirror): Mirror {
  const { prefix, upstream } = mirror;
  if (prefix === '*' ? upstream !== '' : !isRepositoryName(prefix))
    throw invalid(
      'registry-mirror-invalid',
      `'${prefix.slice(0, 100)}' is not the first part of repositories' names, or * (which takes no upstream)`,
    );
  const { host, path } = placeOf(upstream);
  if (
    prefix !== '*' &&
    (!/^[a-z0-9.-]+(:\d{1,5})?$/.test(host) || (upstream.includes('/') && !isRepositoryName(path)))
  )
    throw invalid(
      'registry-mirror-invalid',
      `the upstream '${upstream.slice(0, 200)}' is not HOST[:PORT] or HOST[:PORT]/PATH`,
    );
  return mirror;
}

function placeOf(upstream: string): { host: string; path: string } {
  const at = upstream.indexOf('/');
  return at < 0
    ? { host: upstream, path: '' }
    : { host: upstream.slice(0, at), path: upstream.slice(at + 1) };
}

/** Where a repository's content comes from; undefined for one of our own. The longest prefix counts. */
export function upstreamOf(mirrors: readonly Mirror[], repository: string): UpstreamName | undefined {
  const [mirror] = mirrors
    .filter(({ prefix }) => prefix !== '*' && repository.startsWith(`${prefix}/`))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  if (mirror !== undefined) {
    const { host, path } = placeOf(mirror.upstream);
    const name = repository.slice(mirror.prefix.length + 1);
    return named(mirror, host, path === '' ? name : `${path}/${name}`);
  }
  const any = mirrors.find(({ prefix }) => prefix === '*');
  const [host = '', ...rest] = repository.split('/');
  if (any === undefined || !host.includes('.') || rest.length === 0) return undefined;
  return named(any, host, rest.join('/'));
}

/** The name here of what another registry calls `repository`, as clients with the parameter `ns` mean it. */
export function mirroredName(
  mirrors: readonly Mirror[],
  registry: string,
  repository: string,
): string | undefined {
  for (const { upstream, prefix } of mirrors) {
    const { host, path } = placeOf(upstream);
    if (host !== registry) continue;
    if (path === '') return `${prefix}/${repository}`;
    if (repository.startsWith(`${path}/`)) return `${prefix}/${repository.slice(path.length + 1)}`;
  }
  return mirrors.some(({ prefix }) => prefix === '*') ? `${registry}/${repository}` : undefined;
}

/** Images of Docker's hub without a user are in `library`. */
function named(mirror: Mirror, registry: string, repository: string): UpstreamName {
  const isShort = registry === 'docker.io' && !repository.includes('/');
  return { mirror, registry, repository: isShort ? `library/${repository}` : repository };
}
