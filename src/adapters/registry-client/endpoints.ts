import type { Reference } from '#domain/image/reference.ts';

/** Docker Hub answers for images under another name than the one in their references. */
const hub = { name: 'docker.io', host: 'registry-1.docker.io' };

export interface Endpoint {
  host: string;
  /** Plain HTTP and any certificate are fine. */
  insecure: boolean;
}

/** `insecureRegistries`: names as in references, with port where they have one; `host:*` is not known to Docker either. */
export function endpointOf(registry: string, insecureRegistries: readonly string[]): Endpoint {
  const host = registry === hub.name ? hub.host : registry;
  return { host, insecure: isLoopback(host) || insecureRegistries.includes(registry) };
}

/**
 * Whether what a registry sends us to (its token server, where its blobs lie) may be insecure too: as with Docker when the
 * settings call the registry so, else on this host only.
 */
export function mayBeInsecure(
  registry: string,
  { host }: URL,
  insecureRegistries: readonly string[],
): boolean {
  return (
    insecureRegistries.includes(registry) ||
    (isLoopback(host) && endpointOf(registry, insecureRegistries).insecure)
  );
}

function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, '');
  return name === 'localhost' || name === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(name);
}

/** `docker login` writes Docker Hub's old address. */
export function registryOfServerAddress(address: string): string {
  const plain = address.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return plain === '' || plain === 'index.docker.io' || plain === hub.host ? hub.name : plain;
}

export type Actions = 'pull' | 'pull,push' | 'catalog';

/**
 * Scopes of a token (distribution specification, token scope).
 * @param alsoFrom another repository that is read too
 */
export function scopeOf(reference: Reference, actions: Actions, alsoFrom?: string): string[] {
  if (actions === 'catalog') return ['registry:catalog:*'];
  const scope = `repository:${reference.repository}:${actions}`;
  return alsoFrom === undefined ? [scope] : [scope, `repository:${alsoFrom}:pull`];
}
