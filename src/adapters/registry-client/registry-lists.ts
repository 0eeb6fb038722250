import { internal } from '#base/errors.ts';
import type { Call, Caller, Calls } from '#adapters/registry-client/calls.ts';
import { pullError } from '#adapters/registry-client/registry-errors.ts';
import { textOf } from '#adapters/registry-client/transport.ts';
import type { SearchResult } from '#ports/registry-client.ts';

/** Pages of a list that are read: what has more does not mean well. */
const maxPages = 1000;
const hub = { name: 'docker.io', index: 'index.docker.io' };

/** All tags of a repository (distribution specification, Listing Tags). */
export async function listTags(calls: Calls, caller: Caller): Promise<string[]> {
  const path = `/v2/${caller.reference.repository}/tags/list`;
  const tags: string[] = [];
  for await (const page of pages(calls, caller, { method: 'GET', path, actions: 'pull' }))
    tags.push(...texts(page, 'tags'));
  return tags;
}

/**
 * What the index of a registry finds (Docker Registry API, version 1, which Docker's engine asks to this day). A
 * registry without one is asked for its catalogue.
 */
export async function search(
  calls: Calls,
  { registry, term, limit }: { registry: string; term: string; limit: number },
  rest: Pick<Caller, 'auth' | 'signal'>,
): Promise<SearchResult[]> {
  const reference = { registry: registry === hub.name ? hub.index : registry, repository: term };
  const caller: Caller = { ...rest, reference };
  const query = new URLSearchParams({ q: term, n: String(limit) });
  const response = await calls.call(caller, {
    method: 'GET',
    path: `/v1/search?${query.toString()}`,
    headers: { 'x-docker-token': 'true' },
    actions: 'pull',
  });
  const body = await textOf(response);
  if (response.status === 200) return found(body).slice(0, limit);
  if (response.status !== 404) throw internal('registry-failed', `Unexpected status code ${response.status}`);
  const names: string[] = [];
  for await (const page of pages(calls, caller, {
    method: 'GET',
    path: '/v2/_catalog',
    actions: 'catalog',
  })) {
    names.push(...texts(page, 'repositories').filter((name) => name.includes(term)));
    if (names.length >= limit) break;
  }
  return names
    .slice(0, limit)
    .map((name) => ({ name: `${registry}/${name}`, description: '', stars: 0, isOfficial: false }));
}

/** The bodies of a list that comes in pages, each of which names the next (RFC 8288). */
export async function* pages(calls: Calls, caller: Caller, call: Call): AsyncGenerator<string> {
  let path: string | undefined = call.path;
  for (let page = 0; path !== undefined && page < maxPages; page++) {
    const response = await calls.retried(caller, { ...call, path });
    const body = await textOf(response);
    if (response.status !== 200) throw pullError(caller.reference, response.status, body);
    yield body;
    const link = [response.headers['link'] ?? ''].flat().join(',');
    const next = /<([^>]*)>\s*;\s*rel="?next"?/.exec(link)?.[1];
    path = next === undefined ? undefined : new URL(next, response.url).href;
  }
}

function texts(body: string, key: string): string[] {
  const list = fieldOf(json(body), key);
  return Array.isArray(list) ? list.filter((each) => typeof each === 'string') : [];
}

function found(body: string): SearchResult[] {
  const results = fieldOf(json(body), 'results');
  return (Array.isArray(results) ? results : []).flatMap((each: unknown) => {
    const name = fieldOf(each, 'name');
    if (typeof name !== 'string') return [];
    const [description, stars] = [fieldOf(each, 'description'), fieldOf(each, 'star_count')];
    return [
      {
        name,
        description: typeof description === 'string' ? description : '',
        stars: typeof stars === 'number' ? stars : 0,
        isOfficial: fieldOf(each, 'is_official') === true,
      },
    ];
  });
}

function json(body: string): unknown {
  const parse: (text: string) => unknown = JSON.parse;
  try {
    return parse(body);
  } catch (error) {
    throw internal('registry-failed', 'the registry answered with a list that is no JSON', { cause: error });
  }
}

function fieldOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const field: unknown = Object.getOwnPropertyDescriptor(value, key)?.value;
  return field;
}
