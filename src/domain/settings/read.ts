import { parse as parseToml, TomlError } from 'smol-toml';
import { invalid } from '#base/errors.ts';
import { nearest } from '#base/nearest.ts';
import { checkListeners } from '#domain/settings/check-listeners.ts';
import { definitions, type Definition } from '#domain/settings/definitions.ts';
import type { EffectiveSetting, RegistrySettings, Settings } from '#domain/settings/settings.ts';
import { Requirement } from '#domain/settings/values.ts';

export interface SettingsInput {
  /** The settings file, when there is one. */
  file?: { path: string; text: string };
  environment: Readonly<Record<string, string | undefined>>;
}

/**
 * The settings in force: environment before file before default.
 * @throws invalid `settings-invalid` with file and line for malformed TOML, an unknown key or a wrong value
 */
export function readSettings(input: SettingsInput): { settings: Settings; effective: EffectiveSetting[] } {
  const found = input.file === undefined ? new Map<string, Found>() : readFile(input.file);
  const effective: EffectiveSetting[] = [];
  const get = <T>(definition: Definition<T>): T => {
    const { value, source } = choose(definition, found.get(definition.key), input.environment);
    effective.push({ key: definition.key, value, source });
    return value;
  };
  const run = get(definitions.run);
  const root = get(definitions.root);
  // Two daemons with data of their own may have apps of the same names: only one of them names them to the host.
  const hostsFile = root === definitions.root.standard ? '/etc/hosts' : `${run}/hosts`;
  const settings: Settings = {
    run,
    root,
    host: get({ ...definitions.host, standard: `unix://${run}/berth.sock` }),
    log: { level: get(definitions.logLevel) },
    logs: { journal: get(definitions.journal) },
    runtime: get(definitions.runtime),
    usernsRemap: get(definitions.usernsRemap),
    names: { hostsFile: get({ ...definitions.hostsFile, standard: hostsFile }) },
    defaults: {
      memory: get(definitions.defaultMemory),
      pids: get(definitions.defaultPids),
      cpuShares: get(definitions.defaultCpuShares),
      exposure: get(definitions.defaultExposure),
    },
    node: { labels: get(definitions.nodeLabels) },
    advise: { period: get(definitions.advisePeriod) },
    autoscale: { period: get(definitions.autoscalePeriod) },
    mirrors: {
      debian: get(definitions.debianMirror),
      keyring: get(definitions.mirrorKeyring),
      timeout: get(definitions.mirrorTimeout),
    },
    bases: readBases(get),
    registries: readRegistries(get),
    disk: readDisk(get),
    proxy: readProxy(get),
    api: {
      hosts: get(definitions.apiHosts),
      allowUnauthenticated: get(definitions.apiUnauthenticated),
      tls: {
        ca: get(definitions.tlsCa),
        cert: get(definitions.tlsCert),
        key: get(definitions.tlsKey),
        verify: get(definitions.tlsVerify),
      },
    },
    secrets: {
      keyFile: get({ ...definitions.secretsKeyFile, standard: `${root}/secrets.key` }),
      passphraseFd: get(definitions.secretsPassphraseFd),
    },
    ingress: {
      addresses: get(definitions.ingressAddresses),
      httpPort: get(definitions.ingressHttp),
      httpsPort: get(definitions.ingressHttps),
      trustedProxies: get(definitions.ingressProxies),
      accessLog: get(definitions.ingressLog),
      acme: {
        directory: get(definitions.acmeDirectory),
        email: get(definitions.acmeEmail),
        agree: get(definitions.acmeAgree),
      },
    },
    registry: readRegistry(get),
    registryAccessLog: get(definitions.registryAccessLog),
  };
  checkListeners(settings, effective);
  return { settings, effective };
}

function readRegistries(get: <T>(definition: Definition<T>) => T): RegistrySettings {
  return {
    insecure: get(definitions.insecure),
    mirrors: get(definitions.registryMirrors),
    certificates: get(definitions.registryCertificates),
    authFile: get(definitions.registryAuthFile),
    stallTimeout: get(definitions.registryStallTimeout),
    downloads: get(definitions.registryDownloads),
    uploads: get(definitions.registryUploads),
    keepPartial: get(definitions.registryKeepPartial),
    pushReferrers: get(definitions.registryPushReferrers),
    compression: get(definitions.registryCompression),
    compressionLevel: get(definitions.registryCompressionLevel),
    maxLayerSize: get(definitions.registryMaxLayerSize),
    maxLayerRatio: get(definitions.registryMaxLayerRatio),
  };
}

function readBases(get: <T>(definition: Definition<T>) => T): Settings['bases'] {
  return {
    refresh: get(definitions.basesRefresh),
    deploy: get(definitions.basesDeploy),
    keepContexts: get(definitions.basesKeepContexts),
    maxContext: get(definitions.basesMaxContext),
    secrets: get(definitions.basesSecrets),
  };
}

function readDisk(get: <T>(definition: Definition<T>) => T): Settings['disk'] {
  return {
    period: get(definitions.diskPeriod),
    keepFree: get(definitions.diskKeepFree),
    buildCache: get(definitions.diskBuildCache),
    buildCacheReserved: get(definitions.diskBuildCacheReserved),
    buildCacheDays: get(definitions.diskBuildCacheDays),
    untaggedDays: get(definitions.diskUntaggedDays),
    unusedHours: get(definitions.diskUnusedHours),
  };
}

function readProxy(get: <T>(definition: Definition<T>) => T): Settings['proxy'] {
  return {
    http: get(definitions.proxyHttp),
    https: get(definitions.proxyHttps),
    no: get(definitions.proxyNo),
  };
}

function readRegistry(get: <T>(definition: Definition<T>) => T): Settings['registry'] {
  return {
    enabled: get(definitions.registryEnabled),
    address: get(definitions.registryAddress),
    names: get(definitions.registryNames),
    tls: get(definitions.registryTls),
    cert: get(definitions.registryCert),
    key: get(definitions.registryKey),
  };
}

interface Found {
  value: unknown;
  /** `FILE:LINE` */
  at: string;
}

function choose<T>(
  { key, environment, standard, read }: Definition<T>,
  found: Found | undefined,
  variables: SettingsInput['environment'],
): { value: T; source: string } {
  const variable = environment === undefined ? undefined : variables[environment];
  if (environment !== undefined && variable !== undefined && variable !== '')
    return {
      value: checked(read, variable, `environment ${environment}`),
      source: `environment ${environment}`,
    };
  if (found !== undefined)
    return { value: checked(read, found.value, `${found.at}: ${key}`), source: found.at };
  return { value: standard, source: 'default' };
}

function checked<T>(read: (value: unknown) => T, value: unknown, where: string): T {
  try {
    return read(value);
  } catch (error) {
    const required = error instanceof Requirement ? error.message : String(error);
    throw invalid('settings-invalid', `${where}: ${JSON.stringify(value)} is not ${required}`);
  }
}

function readFile(file: { path: string; text: string }): Map<string, Found> {
  const keys = new Set(Object.values(definitions).map(({ key }) => key));
  const found = new Map<string, Found>();
  for (const [key, value] of flatten(parse(file), '', keys)) {
    const at = `${file.path}:${lineOf(file.text, key)}`;
    if (!keys.has(key)) throw unknown(key, at, keys);
    found.set(key, { value, at });
  }
  return found;
}

function unknown(key: string, at: string, keys: ReadonlySet<string>): Error {
  const meant = nearest(key, keys);
  return invalid(
    'settings-invalid',
    `${at}: unknown key '${key}'${meant === undefined ? '' : `, did you mean '${meant}'?`}`,
    {
      hint: "run 'berth config' to see all keys",
    },
  );
}

function parse(file: { path: string; text: string }): Record<string, unknown> {
  try {
    return parseToml(file.text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split('\n')[0]?.replace('Invalid TOML document: ', '') ?? '';
    throw invalid('settings-invalid', `${file.path}:${error.line}:${error.column}: ${reason}`);
  }
}

// Tables are sections until a key is reached that is a setting as a whole.
function* flatten(
  values: Record<string, unknown>,
  prefix: string,
  keys: ReadonlySet<string>,
): Generator<[string, unknown]> {
  for (const [name, value] of Object.entries(values)) {
    const key = `${prefix}${name}`;
    if (isSection(value) && !keys.has(key)) yield* flatten(value, `${key}.`, keys);
    else yield [key, value];
  }
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The line on which a key is set; the parser does not tell. */
function lineOf(source: string, key: string): number {
  let section = '';
  const lines = source.split('\n');
  for (const [index, line] of lines.entries()) {
    const header = /^\s*\[\[?([^\]]+)\]/.exec(line)?.[1];
    if (header !== undefined) section = `${header.replaceAll(/[\s"']/g, '')}.`;
    const name = /^\s*([A-Za-z0-9_."'-]+)\s*=/.exec(line)?.[1]?.replaceAll(/["']/g, '');
    if (name !== undefined && `${section}${name}` === key) return index + 1;
    if (header !== undefined && section === `${key}.`) return index + 1;
  }
  return 1;
}
