import { isShare } from '#domain/disk/share.ts';
import { isRefreshTime } from '#domain/base/refresh-time.ts';
import { exposureWords, type ExposureWord } from '#domain/policy/model.ts';
import { parseEndpoint, type RegistrySettings, type Settings } from '#domain/settings/settings.ts';
import {
  absolutePath,
  byteSize,
  listOf,
  yesOrNo,
  oneOf,
  ownFolder,
  portNumber,
  recordOf,
  Requirement,
  text,
  wholeNumber,
  type Read,
} from '#domain/settings/values.ts';

export interface Definition<T> {
  /** As in the file, sections with dots: `log.level`. */
  key: string;
  environment?: string;
  standard: T;
  read: Read<T>;
}

const endpoint: Read<string> = (value) => {
  if (typeof value === 'string' && parseEndpoint(value) !== undefined) return value;
  throw new Requirement('unix:///PATH or tcp://ADDRESS:PORT');
};

const address = text(/^(\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)$/, 'an IP address');
const network = text(
  /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)(\/\d{1,3})?$/,
  'an IP address or a network such as 10.0.0.0/8',
);
const httpUrl = text(/^https?:\/\/\S+$/, 'an http or https URL');

/** Standard streams are taken. */
const descriptor: Read<number> = (value) => {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 3 && value < 1024) return value;
  throw new Requirement('the number of a file descriptor, from 3');
};

const refreshTime: Read<string> = (value) => {
  if (typeof value === 'string' && isRefreshTime(value)) return value;
  throw new Requirement(
    "off, daily, weekly, a time of the day such as 'daily 03:30', or a cron expression (UTC)",
  );
};

const share: Read<string> = (value) => {
  if (typeof value === 'string' && isShare(value)) return value;
  throw new Requirement(
    'a share of the disk such as 5%, a size such as 20g, or the smaller of both as 5%,20g',
  );
};
const days = wholeNumber(0, 3650, 'a number of days from 0 to 3650');

const registry = text(/^[a-z0-9.-]+(:\d+)?$/, 'a registry as HOST or HOST:PORT');

const mirror = text(
  /^https?:\/\/[A-Za-z0-9.-]+(:\d+)?(\/[a-z0-9._/-]*)?$/,
  'an URL such as https://HOST[:PORT][/REPOSITORY-PREFIX]',
);
const parallelLayers = wholeNumber(1, 64, 'a number of layers from 1 to 64');

/** Every setting with its default. Only what has an effect may stand here. */
export const definitions = {
  root: define({ key: 'root', environment: 'BERTH_ROOT', standard: '/var/lib/berth', read: ownFolder }),
  run: define({ key: 'run', environment: 'BERTH_RUN', standard: '/run/berth', read: ownFolder }),
  host: define({ key: 'host', environment: 'BERTH_HOST', standard: '', read: endpoint }),
  logLevel: define<Settings['log']['level']>({
    key: 'log.level',
    environment: 'BERTH_LOG_LEVEL',
    standard: 'info',
    read: oneOf('trace', 'debug', 'info', 'warn', 'error'),
  }),
  journal: define({ key: 'logs.journal', standard: '/run/systemd/journal/socket', read: absolutePath }),
  runtime: define<Settings['runtime']>({ key: 'runtime', standard: 'crun', read: oneOf('crun', 'runc') }),
  usernsRemap: define({
    key: 'userns-remap',
    standard: '',
    read: text(/^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$/, 'default or USER[:GROUP]'),
  }),
  hostsFile: define({ key: 'names.hosts-file', standard: '', read: absolutePath }),
  advisePeriod: define({
    key: 'advise.period',
    standard: 60,
    read: wholeNumber(1, 3600, 'a number of seconds from 1 to 3600'),
  }),
  autoscalePeriod: define({
    key: 'autoscale.period',
    standard: 15,
    read: wholeNumber(1, 3600, 'a number of seconds from 1 to 3600'),
  }),
  defaultMemory: define({
    key: 'defaults.memory',
    standard: 'none',
    read: text(
      /^(none|(100|[1-9]?\d)%|[1-9]\d*[kmgt]?)$/,
      "'none', a share such as 25%, or a size such as 512m",
    ),
  }),
  defaultPids: define({
    key: 'defaults.pids',
    standard: 4096,
    read: wholeNumber(0, 4_194_304, 'a number of processes, 0 for no limit'),
  }),
  defaultCpuShares: define({
    key: 'defaults.cpu-shares',
    standard: 0,
    read: wholeNumber(0, 262_144, "a weight such as 1024, 0 for the kernel's"),
  }),
  defaultExposure: define<ExposureWord>({
    key: 'defaults.exposure',
    standard: 'public',
    read: oneOf(...exposureWords),
  }),
  nodeLabels: define<string[]>({
    key: 'node.labels',
    standard: [],
    read: listOf(text(/^[^=\s]+=.*$/, 'NAME=VALUE'), 'NAME=VALUE'),
  }),
  debianMirror: define({
    key: 'mirrors.debian',
    standard: '',
    read: httpUrl,
  }),
  mirrorKeyring: define({ key: 'mirrors.keyring', standard: '', read: absolutePath }),
  mirrorTimeout: define({
    key: 'mirrors.timeout',
    standard: 30,
    read: wholeNumber(1, 600, 'a number of seconds from 1 to 600'),
  }),
  basesRefresh: define({ key: 'bases.refresh', standard: 'off', read: refreshTime }),
  basesDeploy: define({ key: 'bases.deploy', standard: false, read: yesOrNo }),
  basesKeepContexts: define({ key: 'bases.keep-contexts', standard: '2%,1g', read: share }),
  basesMaxContext: define({ key: 'bases.max-context', standard: 256 * 1024 ** 2, read: byteSize }),
  basesSecrets: define<string[]>({
    key: 'bases.secrets',
    standard: [],
    read: listOf(text(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/, 'the name of a secret'), 'the name of a secret'),
  }),
  insecure: define<string[]>({
    key: 'registries.insecure',
    standard: [],
    read: listOf(registry, 'HOST or HOST:PORT'),
  }),
  registryMirrors: define<Record<string, string[]>>({
    key: 'registries.mirrors',
    standard: {},
    read: recordOf(
      registry,
      listOf(mirror, 'an URL such as https://HOST[:PORT][/REPOSITORY-PREFIX]'),
      'a registry and its mirrors',
    ),
  }),
  registryCertificates: define<string[]>({
    key: 'registries.certificates',
    standard: ['/etc/berth/certs.d', '/etc/docker/certs.d'],
    read: listOf(absolutePath, 'an absolute path'),
  }),
  registryAuthFile: define({
    key: 'registries.auth-file',
    standard: '/etc/berth/registry-auth.json',
    read: absolutePath,
  }),
  registryStallTimeout: define({
    key: 'registries.stall-timeout',
    standard: 60,
    read: wholeNumber(1, 3600, 'a number of seconds from 1 to 3600'),
  }),
  registryDownloads: define({ key: 'registries.downloads', standard: 3, read: parallelLayers }),
  registryUploads: define({ key: 'registries.uploads', standard: 5, read: parallelLayers }),
  registryKeepPartial: define({
    key: 'registries.keep-partial',
    standard: 24,
    read: wholeNumber(0, 8760, 'a number of hours from 0 to 8760'),
  }),
  registryPushReferrers: define({ key: 'registries.push-referrers', standard: true, read: yesOrNo }),
  registryCompression: define<RegistrySettings['compression']>({
    key: 'registries.compression',
    standard: 'gzip',
    read: oneOf('gzip', 'zstd'),
  }),
  registryCompressionLevel: define({
    key: 'registries.compression-level',
    standard: 0,
    read: wholeNumber(0, 19, 'a level from 1 to 19 (of gzip 9), 0 for the usual one'),
  }),
  registryMaxLayerSize: define({
    key: 'registries.max-layer-size',
    standard: 64 * 1024 ** 3,
    read: byteSize,
  }),
  registryMaxLayerRatio: define({
    key: 'registries.max-layer-ratio',
    standard: 500,
    read: wholeNumber(1, 1_000_000, 'a number from 1'),
  }),
  diskPeriod: define({
    key: 'disk.period',
    standard: 600,
    read: wholeNumber(0, 86_400, 'a number of seconds to 86400, 0 for never'),
  }),
  diskKeepFree: define({ key: 'disk.keep-free', standard: '5%,10g', read: share }),
  diskBuildCache: define({ key: 'disk.build-cache', standard: '10%', read: share }),
  diskBuildCacheReserved: define({ key: 'disk.build-cache-reserved', standard: '1%,2g', read: share }),
  diskBuildCacheDays: define({ key: 'disk.build-cache-days', standard: 30, read: days }),
  diskUntaggedDays: define({ key: 'disk.untagged-days', standard: 7, read: days }),
  diskUnusedHours: define({
    key: 'disk.unused-hours',
    standard: 24,
    read: wholeNumber(0, 87_600, 'a number of hours from 0 to 87600'),
  }),
  proxyHttp: define({ key: 'proxy.http', standard: '', read: httpUrl }),
  proxyHttps: define({ key: 'proxy.https', standard: '', read: httpUrl }),
  proxyNo: define({
    key: 'proxy.no',
    standard: '',
    read: text(/^[^\s,]+(\s*,\s*[^\s,]+)*$/, 'hosts with commas between them'),
  }),
  apiHosts: define<string[]>({
    key: 'api.hosts',
    standard: [],
    read: listOf(endpoint, 'unix:///PATH or tcp://ADDRESS:PORT'),
  }),
  apiUnauthenticated: define({ key: 'api.allow-unauthenticated', standard: false, read: yesOrNo }),
  tlsCa: define({ key: 'api.tls.ca', standard: '', read: absolutePath }),
  tlsCert: define({ key: 'api.tls.cert', standard: '', read: absolutePath }),
  tlsKey: define({ key: 'api.tls.key', standard: '', read: absolutePath }),
  tlsVerify: define({ key: 'api.tls.verify', standard: true, read: yesOrNo }),
  secretsKeyFile: define({ key: 'secrets.key-file', standard: '', read: absolutePath }),
  secretsPassphraseFd: define({ key: 'secrets.passphrase-fd', standard: -1, read: descriptor }),
  ingressAddresses: define<string[]>({
    key: 'ingress.addresses',
    standard: [],
    read: listOf(address, 'an IP address of this machine'),
  }),
  ingressHttp: define({ key: 'ingress.http-port', standard: 80, read: portNumber }),
  ingressHttps: define({ key: 'ingress.https-port', standard: 443, read: portNumber }),
  ingressProxies: define<string[]>({
    key: 'ingress.trusted-proxies',
    standard: [],
    read: listOf(network, 'an IP address or network'),
  }),
  ingressLog: define({ key: 'ingress.access-log', standard: false, read: yesOrNo }),
  acmeDirectory: define({
    key: 'ingress.acme.directory',
    standard: 'https://acme-v02.api.letsencrypt.org/directory',
    read: httpUrl,
  }),
  acmeEmail: define({
    key: 'ingress.acme.email',
    standard: '',
    read: text(/^\S+@\S+$/, 'an e-mail address'),
  }),
  acmeAgree: define({ key: 'ingress.acme.agree', standard: false, read: yesOrNo }),
  registryEnabled: define({ key: 'registry.enabled', standard: false, read: yesOrNo }),
  registryAddress: define({
    key: 'registry.address',
    standard: '127.0.0.1:5000',
    read: text(
      /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\]):\d{1,5}$/,
      'an IP address of this machine and a port, such as 127.0.0.1:5000',
    ),
  }),
  registryNames: define<string[]>({
    key: 'registry.names',
    standard: [],
    read: listOf(registry, 'HOST or HOST:PORT'),
  }),
  registryTls: define<Settings['registry']['tls']>({
    key: 'registry.tls.mode',
    standard: 'auto',
    read: oneOf('auto', 'off', 'local', 'files', 'acme'),
  }),
  registryCert: define({ key: 'registry.tls.cert', standard: '', read: absolutePath }),
  registryKey: define({ key: 'registry.tls.key', standard: '', read: absolutePath }),
  registryAccessLog: define<Settings['registryAccessLog']>({
    key: 'registry.access-log',
    standard: 'changes',
    read: oneOf('off', 'changes', 'all'),
  }),
};

function define<T>(definition: Definition<T>): Definition<T> {
  return definition;
}
