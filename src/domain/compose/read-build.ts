import type { Build, BuildExtras, Entitlement } from '#domain/app/model.ts';
import { messageOf } from '#base/errors.ts';
import { parseProvenance, parseSbom } from '#domain/build/attestation-options.ts';
import { parseCacheSource, parseCacheTarget } from '#domain/build/cache-option.ts';
import { parseSsh } from '#domain/build/ssh-option.ts';
import { readExtraHosts, readUlimits } from './read-container.ts';
import { readGrants } from './read-files.ts';
import type { ServiceContext } from './read-service.ts';
import { compact, type Reader } from './reader.ts';

/** `build` of a service: a folder alone, or all its settings. */
export function readBuild(
  build: Reader,
  platform: string | undefined,
  context: ServiceContext,
): Build | undefined {
  if (!build.present) return undefined;
  const short = build.tree?.kind === 'map' ? undefined : build.text();
  const at = short === undefined ? build.at('context') : build;
  const folder = at.text() ?? '.';
  if (isRemote(folder))
    build.complain(
      'compose-remote-context',
      `the build context '${folder}' is elsewhere: required is a folder of this machine`,
    );
  if (build.at('dockerfile').present && build.at('dockerfile_inline').present)
    build
      .at('dockerfile_inline')
      .complain('compose-contradiction', "a build has either 'dockerfile' or 'dockerfile_inline', not both");
  return compact<Build>({
    context: context.resolve(folder, at.present ? at : build),
    dockerfile: build.at('dockerfile').text() ?? 'Dockerfile',
    args: Object.fromEntries(build.at('args').variables()),
    labels: build.at('labels').record(),
    tags: build.at('tags').texts(),
    target: build.at('target').text(),
    network: build.at('network').text(),
    dockerfileInline: build.at('dockerfile_inline').text(),
    shmSize: build.at('shm_size').bytes(),
    ulimits: build.at('ulimits').present ? readUlimits(build.at('ulimits')) : undefined,
    extraHosts: readExtraHosts(build.at('extra_hosts')),
    noCache: build.at('no_cache').boolean() ?? false,
    pull: build.at('pull').boolean() ?? false,
    platform: readPlatform(build.at('platforms'), platform),
    more: readMore(build, context),
  });
}

/** What few builds ask for; `support.ts` says what of it is not honoured. */
function readMore(build: Reader, context: ServiceContext): Build['more'] {
  const more = compact<BuildExtras>({
    contexts: readContexts(build.at('additional_contexts'), context),
    cacheFrom: readCaches(build.at('cache_from'), parseCacheSource),
    cacheTo: readCaches(build.at('cache_to'), parseCacheTarget),
    secrets: readGrants(build.at('secrets'), context.secrets, '/run/secrets'),
    ssh: readAgents(build.at('ssh'), context),
    entitlements: readEntitlements(build),
    noCacheFilter: build.at('no_cache_filter').texts(),
    platforms: several(build.at('platforms').texts()),
    provenance: readAttestation(build.at('provenance'), parseProvenance),
    sbom: readAttestation(build.at('sbom'), parseSbom),
  });
  const values: unknown[] = Object.values(more);
  const isEmpty = values.every(
    (value) =>
      value === false || (typeof value === 'object' && value !== null && Object.keys(value).length === 0),
  );
  return isEmpty ? undefined : more;
}

/** `ID`, or `ID=PATH[,PATH]` with absolute paths. */
function readAgents(ssh: Reader, { resolve }: ServiceContext): string[] {
  return ssh.lines().map((line) => {
    try {
      const { id, paths } = parseSsh(line.replace(/=$/, ''));
      return paths.length === 0 ? id : `${id}=${paths.map((path) => resolve(path, ssh)).join(',')}`;
    } catch (error) {
      ssh.complain('compose-invalid-value', messageOf(error));
      return line;
    }
  });
}

function readEntitlements(build: Reader): Entitlement[] {
  const known: Entitlement[] = [];
  for (const item of build.at('entitlements').items()) {
    const name = item.text() ?? '';
    if (name === 'network.host' || name === 'security.insecure') known.push(name);
    else
      item.warn(
        'compose-value-not-honoured',
        `the entitlement '${name}' is not honoured: required is network.host or security.insecure`,
      );
  }
  if (build.at('privileged').boolean() === true) known.push('security.insecure');
  return [...new Set(known)];
}

/** As they stand; told are those whose type or fields no build here understands. */
function readCaches(caches: Reader, parse: (text: string) => unknown): string[] {
  for (const item of caches.items()) {
    const text = item.text() ?? '';
    if (parse(text) !== undefined) continue;
    item.warn('compose-value-not-honoured', `the cache '${text}' is not honoured: ${cacheForms}`);
  }
  return caches.texts();
}

const cacheForms = 'required is a reference, type=registry with ref, or type=local with src or dest';

function isRemote(context: string): boolean {
  return /^(?:https?|git|ssh):\/\/|^git@|^github\.com\/|\.git(?:#|$)/.test(context);
}

/** Names to absolute folders, `service:NAME`, `docker-image://REFERENCE` ... */
function readContexts(contexts: Reader, { resolve }: ServiceContext): Record<string, string> {
  const place = (text: string, at: Reader): string => {
    if (isRemote(text) || /^(?:service:|docker-image:\/\/)./.test(text)) return text;
    if (!/^[a-z-]+:/.test(text)) return resolve(text, at);
    const required = 'required is a folder, docker-image://REFERENCE, service:NAME or a URL';
    at.complain('compose-invalid-value', `found the build context '${text}', ${required}`);
    return text;
  };
  const listed = contexts.items().map((item): [string, string] => {
    const [name = '', ...rest] = (item.text() ?? '').split('=');
    return [name, place(rest.join('='), item)];
  });
  const mapped = contexts.entries().map(([name, at]): [string, string] => [name, place(at.text() ?? '', at)]);
  return Object.fromEntries([...listed, ...mapped]);
}

function several(platforms: string[]): string[] | undefined {
  return platforms.length > 1 ? platforms : undefined;
}

/** `true`, or the options in the words of `--provenance` and `--sbom`; undefined where it is off. */
function readAttestation(at: Reader, parse: (text: string) => unknown): string | undefined {
  const text = at.text();
  if (text === undefined) return undefined;
  try {
    const asked = parse(text);
    return asked === undefined || asked === false ? undefined : text;
  } catch (error) {
    at.complain('compose-invalid-value', messageOf(error));
    return undefined;
  }
}

/** Of a container: the service's own, else the first of the list. */
function readPlatform(platforms: Reader, own: string | undefined): string | undefined {
  const [first, ...others] = platforms.texts();
  if (own !== undefined && first !== undefined && ![first, ...others].includes(own))
    platforms.complain('compose-contradiction', `the service's platform '${own}' is not among them`);
  return own ?? first;
}
