import { invalid } from '#base/errors.ts';
import type { Credentials, RegistryClient, SearchResult } from '#ports/registry-client.ts';

const hub = 'docker.io';

/** `docker search`. @throws invalid `search-term-invalid`; as RegistryClient.search */
export function searchImages(
  registry: Pick<RegistryClient, 'search'>,
  { term, limit }: { term: string; limit: number },
  auth: Credentials | undefined,
  signal: AbortSignal,
): Promise<SearchResult[]> {
  if (term.includes('://'))
    throw invalid('search-term-invalid', `invalid repository name (${term}): it begins with a scheme`, {
      hint: 'write [REGISTRY[:PORT]/]TERM',
    });
  const [first = '', ...rest] = term.split('/');
  const isRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const asked = isRegistry ? { registry: first, term: rest.join('/') } : { registry: hub, term };
  return registry.search({ ...asked, limit }, auth, signal);
}
