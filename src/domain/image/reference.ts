import { invalid, isKind } from '#base/errors.ts';
import { isDigest, type Digest } from '#domain/image/digest.ts';

/** A parsed image name. `tag` is set when neither tag nor digest was given: to `latest`. */
export interface Reference {
  /** `docker.io`, `localhost:5000` ... */
  registry: string;
  /** `library/redis`, `team/app`. */
  repository: string;
  tag?: string;
  digest?: Digest;
}

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`);
const domainLabel = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const registryPattern = new RegExp(
  `^(?:${domainLabel}(?:\\.${domainLabel})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`,
);
const tagPattern = /^\w[\w.-]{0,127}$/;

/**
 * Reads an image name as Docker does (distribution/reference, normalize.go): `redis` means
 * `docker.io/library/redis:latest`; a first part with a dot, a colon, or equal to localhost is a registry.
 * @throws invalid `reference-invalid`
 */
export function parseReference(text: string): Reference {
  const { name, tag, digest } = split(text);
  const { registry, repository } = normalize(name);
  if (repository !== repository.toLowerCase())
    throw invalid(
      'reference-invalid',
      `invalid reference format: repository name (${repository}) must be lowercase`,
    );
  if (!registryPattern.test(registry) || !repositoryPattern.test(repository)) throw malformed(text);
  if (repository.length > 255) throw malformed(text);
  if (tag !== undefined && !tagPattern.test(tag)) throw malformed(text);
  if (digest !== undefined && !isDigest(digest)) throw malformed(text);
  const reference: Reference = { registry, repository };
  if (digest !== undefined && isDigest(digest)) reference.digest = digest;
  if (tag !== undefined) reference.tag = tag;
  else if (digest === undefined) reference.tag = 'latest';
  return reference;
}

/** As `parseReference`; undefined for what is no name. */
export function referenceOrUndefined(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (isKind(error, 'invalid')) return undefined;
    throw error;
  }
}

function split(text: string): { name: string; tag?: string; digest?: string } {
  const at = text.indexOf('@');
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const parts: { name: string; tag?: string; digest?: string } = {
    name: colon < 0 ? named : named.slice(0, colon),
  };
  if (colon >= 0) parts.tag = named.slice(colon + 1);
  if (at >= 0) parts.digest = text.slice(at + 1);
  return parts;
}

function normalize(name: string): { registry: string; repository: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isRegistry =
    first !== '' && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  if (!isRegistry) return { registry: 'docker.io', repository: slash < 0 ? `library/${name}` : name };
  const rest = name.slice(slash + 1);
  if (first !== 'docker.io' && first !== 'index.docker.io') return { registry: first, repository: rest };
  return { registry: 'docker.io', repository: rest.includes('/') ? rest : `library/${rest}` };
}

function malformed(text: string): Error {
  return invalid('reference-invalid', `invalid reference format: '${text}' is not an image name`, {
    hint: 'write [REGISTRY[:PORT]/]NAME[:TAG][@sha256:DIGEST], the name in lower case',
  });
}

/** The whole name, such as `docker.io/library/redis:7`: how images are keyed. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

/** The name of the repository alone, such as `docker.io/library/redis`. */
export function repositoryOf({ registry, repository }: Pick<Reference, 'registry' | 'repository'>): string {
  return `${registry}/${repository}`;
}

/**
 * The whole name under which an image is kept from now on.
 * @throws invalid `reference-invalid` in Docker's words, also for a name that would be taken for a digest
 */
export function newName(text: string): string {
  const reference = parseReference(text);
  const full = formatReference(reference);
  if (reference.digest !== undefined)
    throw invalid('reference-invalid', 'refusing to create a tag with a digest reference');
  if (reference.registry === 'docker.io' && reference.repository === 'library/sha256')
    throw invalid('reference-invalid', 'refusing to create an ambiguous tag using digest algorithm as name');
  return full;
}

/** The name as people write it: `redis:7` for `docker.io/library/redis:7`. */
export function familiarName(full: string): string {
  return full.replace(/^docker\.io\/(?:library\/)?/, '');
}
