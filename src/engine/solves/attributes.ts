import { isDigest, type Digest } from '#domain/image/digest.ts';
import type { BuildRequest, Choice, Entitlement } from '#engine/contracts.ts';
import { parseProvenance, parseSbom } from '#domain/build/attestation-options.ts';
import { buildLimits } from '#domain/build/limits.ts';
import { forbidden, invalid, unsupported } from '#base/errors.ts';

// The options of BuildKit's Dockerfile frontend (frontend/dockerui/config.go), as clients send them.

/**
 * A folder of the client's session, an image in an OCI layout that the session serves, what the client gave under a name
 * (`FrontendRequest.inputs`), or a place elsewhere.
 */
export type Origin =
  | { local: string }
  | { layout: { store: string; digest: Digest } }
  | { input: string }
  | { remote: string }
  | { image: string };

export interface FrontendOptions {
  /** Name of the Dockerfile in its folder. */
  filename: string;
  /** Names of the session's folders. */
  dockerfileFolder: string;
  contextFolder: string;
  /** Where the main context is no folder of the session: a URL or Git repository. */
  remote?: string;
  /** The Dockerfile comes from its folder although the context is remote. */
  dockerfileApart: boolean;
  contexts: Record<string, Origin>;
  /** Ids of other sessions of the client, by the folders that these serve. */
  sessions: Record<string, string>;
  /** `frontend.lint` instead of a build. */
  subrequest?: string;
  settings: Pick<
    BuildRequest,
    | 'buildArgs'
    | 'labels'
    | 'target'
    | 'platform'
    | 'platforms'
    | 'noCache'
    | 'noCacheFor'
    | 'pull'
    | 'networkMode'
    | 'extraHosts'
    | 'resources'
    | 'attest'
    | 'sourceDateEpoch'
  >;
  cacheFrom: Choice[];
}

type Attributes = Readonly<Record<string, string>>;

/** Options that say nothing which we do not do anyway: notes on the source, and what the client can do. */
const notes =
  /^(?:vcs:|frontend\.caps$|multi-platform$|source$|cmdline$|hostname$|shared-key|sharedkey:|input-metadata:)/;
const plain = new Set([
  ...['filename', 'dockerfilekey', 'contextkey', 'context', 'requestid', 'target', 'platform', 'no-cache'],
  ...['image-resolve-mode', 'force-network-mode', 'add-hosts', 'shm-size', 'ulimit', 'cgroup-parent'],
  ...['cache-imports', 'cache-from', 'attest:provenance', 'attest:sbom'],
  ...[...buildLimits.map(([name]) => name), 'cpusetcpus', 'cpusetmems'],
]);
const prefixed = /^(?:build-arg|label|context|local-sessionid):(.+)$/s;

/** @throws invalid, unsupported naming the option */
export function readOptions(attributes: Attributes): FrontendOptions {
  for (const name of Object.keys(attributes))
    if (!plain.has(name) && !prefixed.test(name) && !notes.test(name))
      throw unsupported('frontend-option-unsupported', `the option '${name}' of a build is not offered`);
  const context = attributes['context'] ?? '';
  const local = /^local:(.+)$/.exec(context)?.[1];
  return {
    filename: attributes['filename'] ?? 'Dockerfile',
    dockerfileFolder: attributes['dockerfilekey'] ?? 'dockerfile',
    dockerfileApart: attributes['dockerfilekey'] !== undefined,
    contextFolder: local ?? attributes['contextkey'] ?? 'context',
    ...(context !== '' && local === undefined && { remote: context }),
    contexts: contextsOf(attributes),
    sessions: withPrefix(attributes, 'local-sessionid'),
    ...(attributes['requestid'] !== undefined && { subrequest: attributes['requestid'] }),
    settings: settingsOf(attributes),
    cacheFrom: cacheImports(attributes),
  };
}

function settingsOf(attributes: Attributes): FrontendOptions['settings'] {
  const buildArgs = withPrefix(attributes, 'build-arg');
  const epoch = buildArgs['SOURCE_DATE_EPOCH'];
  const platforms = listOf(attributes['platform']);
  const hosts = listOf(attributes['add-hosts']).map((each) => each.replace('=', ':'));
  const noCache = attributes['no-cache'];
  const { target = '', 'force-network-mode': network = '' } = attributes;
  return {
    buildArgs,
    labels: withPrefix(attributes, 'label'),
    ...(target !== '' && { target }),
    ...(platforms.length === 1 && platforms[0] !== undefined && { platform: platforms[0] }),
    ...(platforms.length > 1 && { platforms }),
    ...(noCache === '' && { noCache: true }),
    ...(noCache !== undefined && noCache !== '' && { noCacheFor: listOf(noCache) }),
    ...(attributes['image-resolve-mode'] === 'pull' && { pull: true }),
    ...(network !== '' && { networkMode: network }),
    ...(hosts.length > 0 && { extraHosts: hosts }),
    ...resourcesOf(attributes),
    ...attestOf(attributes),
    ...(epoch !== undefined && epoch !== '' && { sourceDateEpoch: seconds(epoch) }),
  };
}

function resourcesOf(attributes: Attributes): Pick<BuildRequest, 'resources'> {
  const { 'shm-size': shm = '', 'cgroup-parent': parent = '' } = attributes;
  const { cpusetcpus: processors = '', cpusetmems: nodes = '' } = attributes;
  const limits = listOf(attributes['ulimit']).map((each) => {
    const [, name = '', soft = '', hard = soft] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(each) ?? [];
    if (name === '') throw invalid('ulimit-invalid', `invalid ulimit argument: ${each}`);
    return { Name: name, Soft: Number(soft), Hard: Number(hard) };
  });
  const resources: NonNullable<BuildRequest['resources']> = {
    ...limitsOf(attributes),
    ...(processors !== '' && { CpusetCpus: processors }),
    ...(nodes !== '' && { CpusetMems: nodes }),
    ...(shm !== '' && { ShmSize: Number(shm) }),
    ...(parent !== '' && { CgroupParent: parent }),
    ...(limits.length > 0 && { Ulimits: limits }),
  };
  return Object.keys(resources).length === 0 ? {} : { resources };
}

/** @throws invalid `limit-invalid`, in BuildKit's words (frontend/dockerui/attr.go) */
function limitsOf(attributes: Attributes): NonNullable<BuildRequest['resources']> {
  const limits: NonNullable<BuildRequest['resources']> = {};
  for (const [name, key] of buildLimits) {
    const text = attributes[name] ?? '';
    if (text === '') continue;
    const unlimited = name === 'memswap' && text === '-1';
    if (!/^[1-9]\d*$/.test(text) && !unlimited)
      throw invalid('limit-invalid', `invalid ${name} value: ${text}: must be > 0`);
    limits[key] = Number(text);
  }
  return limits;
}

/** @throws invalid `attestation-invalid` */
function attestOf(attributes: Attributes): Pick<BuildRequest, 'attest'> {
  const { 'attest:provenance': asked, 'attest:sbom': bill } = attributes;
  const provenance = asked === undefined ? undefined : parseProvenance(asked);
  const sbom = bill !== undefined && parseSbom(bill);
  if (provenance === undefined && !sbom) return {};
  return { attest: { ...(provenance !== undefined && { provenance }), ...(sbom && { sbom }) } };
}

function contextsOf(attributes: Attributes): Record<string, Origin> {
  const entries = Object.entries(withPrefix(attributes, 'context'));
  return Object.fromEntries(entries.map(([name, value]) => [name, originOf(name, value)] as const));
}

function originOf(name: string, value: string): Origin {
  const [, scheme = '', rest = ''] = /^([a-z+.-]+):(?:\/\/)?(.*)$/s.exec(value) ?? [];
  if (scheme === 'local') return { local: rest };
  if (scheme === 'input') return { input: rest };
  if (scheme === 'oci-layout') return layoutOf(name, rest);
  if (scheme === 'docker-image') return { image: rest };
  if (['http', 'https', 'git', 'ssh'].includes(scheme) || value.startsWith('git@')) return { remote: value };
  throw unsupported('context-unsupported', `the named context '${name}' of '${value}' is not offered`, {
    hint: 'a folder, docker-image://NAME, oci-layout://FOLDER, target:NAME, or the URL of an archive or Git repository',
  });
}

/** `STORE:TAG@DIGEST`: the digest names the image, the tag says only where the client found it. */
function layoutOf(name: string, place: string): Origin {
  const [, store = '', digest = ''] = /^([^@:]+)(?::[^@]*)?(?:@(.+))?$/.exec(place) ?? [];
  if (!isDigest(digest))
    throw invalid(
      'context-invalid',
      `the named context '${name}': oci-layout reference "${place}" has no digest`,
    );
  return { layout: { store, digest } };
}

function cacheImports(attributes: Attributes): Choice[] {
  const { 'cache-imports': text = '', 'cache-from': names = '' } = attributes;
  const named = listOf(names).map((ref) => ({ type: 'registry', attributes: { ref } }));
  if (text === '') return named;
  const parse: (json: string) => { Type: string; Attrs: Record<string, string> | null }[] = JSON.parse;
  try {
    return parse(text).map(({ Type, Attrs }) => ({ type: Type, attributes: Attrs ?? {} }));
  } catch (cause) {
    throw invalid('frontend-option-invalid', `the option 'cache-imports' is no list of caches: '${text}'`, {
      cause,
    });
  }
}

export function entitlementsOf(names: readonly string[]): Entitlement[] {
  return names.map((name) => {
    if (name === 'network.host') return name;
    // As dockerd unless its settings say otherwise: a socket with a scope must not give more than its scope.
    if (name === 'security.insecure')
      throw forbidden(
        'entitlement-forbidden',
        `the entitlement '${name}' is not allowed to clients of this engine`,
      );
    throw unsupported('entitlement-unsupported', `the entitlement '${name}' is not offered`);
  });
}

function withPrefix(attributes: Attributes, prefix: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) =>
      name.startsWith(`${prefix}:`) ? [[name.slice(prefix.length + 1), value]] : [],
    ),
  );
}

function listOf(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((each) => each !== '');
}

function seconds(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw invalid(
    'source-date-epoch-invalid',
    `invalid SOURCE_DATE_EPOCH: '${text}': required are seconds since 1970`,
  );
}
