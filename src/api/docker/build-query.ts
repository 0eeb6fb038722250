import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { invalid, unsupported } from '#base/errors.ts';
import type { BuildRequest, Choice } from '#engine/contracts.ts';
import { buildLimits } from '#domain/build/limits.ts';
import { parsePlatform } from '#domain/image/platform.ts';
import { all, flag, integer, single, type ManyQuery, type Query } from '#api/docker/query.ts';

export type BuildSettings = Omit<BuildRequest, 'context' | 'onProgress' | 'signal' | 'auths'>;

const StringMap = Type.Record(Type.String(), Type.String());
const NullableMap = Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()]));
const StringList = Type.Array(Type.String());
const Outputs = Type.Array(
  Type.Object({ Type: Type.String(), Attrs: Type.Optional(Type.Union([Type.Null(), StringMap])) }),
);
const Ulimits = Type.Array(Type.Object({ Name: Type.String(), Soft: Type.Number(), Hard: Type.Number() }));

/** Each parameter of `POST /build` is honoured, refused here, or told in `warnings`. */
export interface ReadQuery {
  settings: BuildSettings;
  /** To be built as BuildKit does, with its messages (`version=2`). */
  isTraced: boolean;
  /** A Git repository or an archive at a URL, instead of what the request carries; BuildKit's clients name others, too. */
  remote?: string;
  /** Of BuildKit's clients: the session that has the files, and where the result goes; absent: into the images. */
  session?: string;
  outputs?: Choice[];
  cacheFrom: string[];
  quiet: boolean;
  warnings: string[];
}

/** @throws invalid, unsupported naming the parameter */
export function readBuildQuery(raw: ManyQuery): ReadQuery {
  const query = single(raw);
  const isTraced = query['version'] === '2';
  refuse(query, isTraced);
  const outputs = isTraced ? parsed(query, 'outputs', Outputs) : undefined;
  return {
    isTraced,
    settings: settingsOf(query, raw),
    ...text(query, 'remote', 'remote'),
    ...text(query, 'session', 'session'),
    ...(outputs !== undefined && outputs.length > 0 && { outputs: outputs.map(choiceOf) }),
    cacheFrom: parsed(query, 'cachefrom', StringList) ?? [],
    quiet: flag(query, 'q'),
    warnings: warningsOf(query),
  };
}

function choiceOf({ Type: type, Attrs }: Static<typeof Outputs>[number]): Choice {
  return { type, attributes: Attrs ?? {} };
}

function refuse(query: Query, isTraced: boolean): void {
  const { platform = '', remote = '', version = '' } = query;
  if (!['', '1', '2'].includes(version))
    throw invalid('version-invalid', `invalid version "${version}"`, {
      hint: '1 is the classic builder, 2 is BuildKit',
    });
  if (remote === 'client-session' && !isTraced)
    throw unsupported(
      'buildkit-unsupported',
      'a build context of a BuildKit session is offered to builds of version 2 only',
    );
  if (flag(query, 'squash'))
    throw invalid('squash-unsupported', 'squash is only supported with experimental mode');
  if (![undefined, '', '[]', 'null'].includes(query['securityopt']))
    throw invalid('securityopt-unsupported', 'security options are not supported on linux');
  if (!['', 'default'].includes(query['isolation'] ?? ''))
    throw invalid('isolation-unsupported', `unsupported isolation: "${query['isolation'] ?? ''}"`);
  if (!isTraced && !['', '[]', 'null'].includes(query['outputs'] ?? ''))
    throw invalid('outputs-unsupported', 'outputs are offered by BuildKit only');
  // For its refusal alone: the build knows which machine this is.
  if (platform !== '') parsePlatform(platform, { os: 'linux', architecture: '' });
}

function warningsOf(query: Query): string[] {
  const warnings: string[] = [];
  if (query['rm'] !== undefined && !flag(query, 'rm', true))
    warnings.push('--rm=false: the containers of steps are removed all the same');
  return warnings;
}

function settingsOf(query: Query, raw: ManyQuery): BuildSettings {
  return {
    cacheImages: parsed(query, 'cachefrom', StringList) ?? [],
    tags: [...new Set(all(raw, 't').filter((tag) => tag !== ''))],
    buildArgs: parsed(query, 'buildargs', NullableMap) ?? {},
    labels: parsed(query, 'labels', StringMap) ?? {},
    noCache: flag(query, 'nocache'),
    pull: flag(query, 'pull'),
    extraHosts: all(raw, 'extrahosts'),
    resources: resourcesOf(query),
    ...text(query, 'dockerfile', 'dockerfile'),
    ...text(query, 'target', 'target'),
    ...text(query, 'platform', 'platform'),
    ...text(query, 'networkmode', 'networkMode'),
    ...text(query, 'buildid', 'id'),
  };
}

function text<K extends string>(query: Query, name: string, key: K): Partial<Record<K, string>> {
  const value = query[name];
  const found: Partial<Record<K, string>> = {};
  if (value !== undefined && value !== '') found[key] = value;
  return found;
}

const limits = [...buildLimits, ['shmsize', 'ShmSize']] as const;

function resourcesOf(query: Query): NonNullable<BuildRequest['resources']> {
  const resources: NonNullable<BuildRequest['resources']> = {};
  for (const [name, key] of limits) {
    const value = integer(query, name);
    if (value !== undefined && value !== 0) resources[key] = value;
  }
  const { cpusetcpus = '', cpusetmems = '', cgroupparent = '' } = query;
  if (cpusetcpus !== '') resources.CpusetCpus = cpusetcpus;
  if (cpusetmems !== '') resources.CpusetMems = cpusetmems;
  if (cgroupparent !== '') resources.CgroupParent = cgroupparent;
  const ulimits = parsed(query, 'ulimits', Ulimits);
  if (ulimits !== undefined && ulimits.length > 0) resources.Ulimits = ulimits;
  return resources;
}

/** A parameter that holds JSON; undefined when absent or null. */
function parsed<S extends Parameters<typeof Value.Check>[1]>(query: Query, name: string, schema: S) {
  const value = query[name];
  if (value === undefined || value === '') return undefined;
  const json: (text: string) => unknown = JSON.parse;
  let found: unknown;
  try {
    found = json(value);
  } catch (cause) {
    throw invalid('query-invalid', `invalid query parameter '${name}': '${value}' is not JSON`, { cause });
  }
  if (found === null) return undefined;
  if (Value.Check(schema, found)) return found;
  throw invalid(
    'query-invalid',
    `invalid query parameter '${name}': '${value}' has another shape than required`,
  );
}
