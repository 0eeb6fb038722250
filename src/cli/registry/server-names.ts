/** How Docker's clients key the credentials of Docker Hub. */
const hubKey = 'https://index.docker.io/v1/';
const hubHosts = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/** The registry of a server's address: `docker.io`, `localhost:5000`. */
export function registryOf(address: string): string {
  const host = address.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === '' || hubHosts.includes(host) ? 'docker.io' : host;
}

/** The registry that an image's name means: what stands before the first slash when it looks like a host. */
export function registryOfImage(name: string): string {
  const [first = '', ...rest] = name.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? registryOf(first) : 'docker.io';
}

/** Under what a registry's credentials are kept. */
export function keyOf(registry: string): string {
  return registry === 'docker.io' ? hubKey : registry;
}
