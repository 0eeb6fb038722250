import { own } from '#base/own.ts';

/** What `--build-arg` gave and what the ARGs before the first FROM hold. */
export interface BuildArguments {
  given: Record<string, string>;
  globals: Record<string, string>;
}

/** Those that were given a value: null takes nothing, and the ARG's default holds. */
export function givenArguments(buildArgs: Readonly<Record<string, string | null>>): Record<string, string> {
  const given = Object.entries(buildArgs).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  );
  return Object.fromEntries(given);
}

/** Arguments and labels as attributes of BuildKit's frontend (frontend/dockerui/config.go): `build-arg:NAME`, `label:NAME`. */
export function frontendAttributes({
  buildArgs,
  labels,
}: {
  buildArgs: Readonly<Record<string, string | null>>;
  labels: Readonly<Record<string, string>>;
}): Record<string, string> {
  const prefixed = (prefix: string, values: Readonly<Record<string, string>>): [string, string][] =>
    Object.entries(values).map(([name, value]) => [`${prefix}:${name}`, value]);
  return Object.fromEntries([
    ...prefixed('build-arg', givenArguments(buildArgs)),
    ...prefixed('label', labels),
  ]);
}

const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];

/** What the builder itself takes, whether an ARG names it or not. */
const ofTheBuilder = new Set([
  ...['BUILDKIT_BUILD_NAME', 'BUILDKIT_CACHE_MOUNT_NS', 'BUILDKIT_CONTEXT_KEEP_GIT_DIR'],
  ...['BUILDKIT_DOCKERFILE_CHECK', 'BUILDKIT_INLINE_CACHE', 'BUILDKIT_MULTI_PLATFORM'],
  ...['BUILDKIT_SANDBOX_HOSTNAME', 'BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE'],
  ...['BUILDKIT_SYNTAX', 'SOURCE_DATE_EPOCH'],
]);

function isPredefined(name: string): boolean {
  return ofTheBuilder.has(name) || proxies.includes(name.toUpperCase());
}

/** Value of `ARG name[=standard]` in a stage: the given one, its own default, the global one of the name. */
export function argumentValue(
  { given, globals }: BuildArguments,
  name: string,
  standard: string | undefined,
): string | undefined {
  return own(given, name) ?? standard ?? own(globals, name);
}

/**
 * The proxies that were given, in capitals and small letters: `name=value`. Usable in RUN without an ARG; they
 * neither key the cache nor stand in the history unless an ARG names them.
 */
export function proxyArguments(given: Record<string, string>): string[] {
  return Object.entries(given).flatMap(([name, value]) =>
    proxies.includes(name.toUpperCase())
      ? [`${name.toUpperCase()}=${value}`, `${name.toLowerCase()}=${value}`]
      : [],
  );
}

/** The given arguments that nothing in the file takes, in order. */
export function unconsumed(given: Record<string, string>, declared: Set<string>): string[] {
  return Object.keys(given)
    .filter((name) => !declared.has(name) && !isPredefined(name))
    .sort();
}

/**
 * TARGETPLATFORM and so on, for a platform such as `linux/arm64/v8`, of target and machine; what was given under
 * such a name replaces it.
 * @param stage the stage that is built; absent: the last
 */
export function platformArguments(
  target: string,
  machine: string,
  { stage = '', given = {} }: { stage?: string; given?: Record<string, string> } = {},
): Record<string, string> {
  const values: Record<string, string> = {
    ...platformParts('TARGET', target),
    ...platformParts('BUILD', machine),
    TARGETSTAGE: stage === '' ? 'default' : stage,
  };
  for (const name of Object.keys(values)) values[name] = own(given, name) ?? values[name] ?? '';
  return values;
}

function platformParts(prefix: string, platform: string): Record<string, string> {
  const [os = '', architecture = '', variant = ''] = platform.split('/');
  return {
    [`${prefix}PLATFORM`]: platform,
    [`${prefix}OS`]: os,
    [`${prefix}OSVERSION`]: '',
    [`${prefix}ARCH`]: architecture,
    [`${prefix}VARIANT`]: variant,
  };
}
