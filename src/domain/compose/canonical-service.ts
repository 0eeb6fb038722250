import type { Build, FileGrant, Mount, Port, Service, WatchRule } from '#domain/app/model.ts';
import { formatDuration } from '#domain/units/duration.ts';
import { readExtraHosts } from './read-container.ts';
import { readPorts } from './read-ports.ts';
import { compact, type Reader } from './reader.ts';
import { toPlain } from './tree.ts';

export type Plain = Record<string, unknown>;
export type PlainEntry = readonly [string, unknown];
type Write = (value: Reader, service: Service) => unknown;

const command: Write = (value) => value.command();
const texts: Write = (value) => value.texts();
const record: Write = (value) => value.record();
const bytes = (value: Reader): string => (value.text() === '-1' ? '-1' : String(value.bytes() ?? ''));
const duration = (value: Reader): string => formatDuration(value.duration() ?? 0);

/** How a key is written out; the others stand as they are. Undefined leaves the key out. */
const writers: Readonly<Record<string, Write | undefined>> = {
  annotations: record,
  build: (value, { build }) => (build === undefined ? undefined : canonicalBuild(value, build)),
  command,
  configs: (_, { configs }) => configs.map(canonicalGrant),
  deploy: (value) => canonicalDeploy(value),
  depends_on: (_, service) => canonicalDependencies(service),
  develop: (value, { watch }) => canonicalDevelop(value, watch ?? []),
  devices: (value, { host }) => canonicalDevices(value, host.Devices ?? []),
  dns: texts,
  dns_search: texts,
  entrypoint: command,
  env_file: () => undefined,
  environment: (value, service) => canonicalEnvironment(value, service),
  expose: texts,
  extra_hosts: (value) => readExtraHosts(value).map((host) => host.replace(':', '=')),
  healthcheck: (value, { container }) => canonicalHealth(value, container.Healthcheck?.Test),
  label_file: () => undefined,
  labels: (_, { container }) => container.Labels,
  mem_limit: bytes,
  mem_reservation: bytes,
  memswap_limit: bytes,
  networks: (value) => canonicalNetworks(value),
  ports: (value, { ports }) => canonicalPorts(value, ports),
  secrets: (_, { secrets }) => secrets.map(canonicalGrant),
  shm_size: bytes,
  stop_grace_period: duration,
  sysctls: record,
  tmpfs: texts,
  volumes: (_, { mounts }) => mounts.map(canonicalMount),
};

/** What a service has although its file may not say so. */
const always = ['depends_on', 'environment', 'labels', 'networks'];

/** A service with all short forms written out. */
export function canonicalService(value: Reader, service: Service): Plain {
  const given = value.tree?.kind === 'map' ? [...value.tree.entries.keys()] : [];
  const written: Plain = {};
  for (const key of [...new Set([...given, ...always])].sort()) {
    const at = value.at(key);
    const write = Object.hasOwn(writers, key) ? writers[key] : undefined;
    const plain = write === undefined ? at.tree && toPlain(at.tree) : write(at, service);
    if (plain === undefined) continue;
    if (!isEmpty(plain)) written[key] = plain;
    else if (given.includes(key)) written[key] = at.present ? plain : null;
  }
  if (service.networkMode !== undefined) delete written['networks'];
  return written;
}

/** By name, later entries over earlier ones. */
export function sorted(entries: readonly PlainEntry[]): Plain {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

function filled(record: Plain): Plain | undefined {
  return Object.keys(record).length === 0 ? undefined : record;
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function canonicalBuild(value: Reader, build: Build): Plain {
  return compact({
    ...(value.tree?.kind === 'map' ? plainOf(value) : {}),
    context: build.context,
    dockerfile: build.dockerfileInline === undefined ? build.dockerfile : undefined,
    args: value.at('args').present ? build.args : undefined,
    labels: value.at('labels').present ? build.labels : undefined,
    additional_contexts: filled(build.more?.contexts ?? {}),
    secrets: value.at('secrets').present ? (build.more?.secrets ?? []).map(canonicalGrant) : undefined,
    shm_size: build.shmSize === undefined ? undefined : String(build.shmSize),
    ssh: value.at('ssh').present ? value.at('ssh').lines() : undefined,
    extra_hosts: value.at('extra_hosts').present
      ? build.extraHosts.map((host) => host.replace(':', '='))
      : undefined,
  });
}

function canonicalGrant({ source, target, uid, gid, mode }: FileGrant): Plain {
  const octal = mode === undefined ? undefined : `0${mode.toString(8)}`;
  return compact({ source, target, uid, gid, mode: octal });
}

/** Whom a port is for is said as the file says it, unless an address says the same. */
function canonicalPorts(value: Reader, ports: readonly Port[]): Plain[] {
  const read = readPorts(value);
  return ports.map((port, index) => {
    const word = port.hostIp === '' ? read[index]?.exposure?.word : undefined;
    return canonicalPort({ ...port, hostIp: word ?? port.hostIp });
  });
}

function canonicalPort({ mode, target, published, protocol, hostIp, name, appProtocol }: Port): Plain {
  return compact({
    name,
    mode: mode ?? 'ingress',
    host_ip: hostIp === '' ? undefined : hostIp,
    target,
    published: published === '' ? undefined : published,
    protocol,
    app_protocol: appProtocol,
  });
}

function canonicalMount(mount: Mount): Plain {
  const { type, source, target, readOnly, bind, volume, tmpfs, image } = mount;
  return compact({
    type,
    source: source === '' ? undefined : source,
    target,
    read_only: readOnly ? true : undefined,
    bind:
      bind &&
      compact({
        create_host_path: bind.create ? true : undefined,
        propagation: bind.propagation,
        recursive: bind.recursive,
      }),
    volume: volume && filled(canonicalVolume(volume)),
    tmpfs:
      tmpfs && compact({ size: tmpfs.size === undefined ? undefined : String(tmpfs.size), mode: tmpfs.mode }),
    image,
  });
}

function canonicalVolume({ noCopy, subpath, labels }: NonNullable<Mount['volume']>): Plain {
  return compact({
    nocopy: noCopy ? true : undefined,
    subpath,
    labels: filled(labels),
  });
}

const conditions = {
  started: 'service_started',
  healthy: 'service_healthy',
  completed: 'service_completed_successfully',
};

function canonicalDependencies({ dependsOn }: Service): Plain {
  return Object.fromEntries(
    dependsOn.map(({ service, condition, required, restart }) => [
      service,
      compact({ condition: conditions[condition], restart: restart ? true : undefined, required }),
    ]),
  );
}

/** Names without a value that the caller does not have either stay as null. */
function canonicalEnvironment(value: Reader, { container }: Service): Plain {
  const absent = [...value.pairs()].filter(([, one]) => one === null);
  const present = (container.Env ?? []).map((line): PlainEntry => {
    const split = line.indexOf('=');
    return [line.slice(0, split), line.slice(split + 1)];
  });
  return sorted([...absent, ...present]);
}

function canonicalHealth(value: Reader, test: string[] | undefined): Plain {
  if (value.at('disable').boolean() === true) return { disable: true };
  const times = ['interval', 'timeout', 'start_period', 'start_interval'].flatMap((key): PlainEntry[] =>
    value.at(key).present ? [[key, formatDuration(value.at(key).duration() ?? 0)]] : [],
  );
  const retries = value.at('retries').integer();
  return {
    ...(test === undefined ? {} : { test }),
    ...sorted(times),
    ...(retries === undefined ? {} : { retries }),
  };
}

function canonicalNetworks(value: Reader): Plain {
  if (!value.present) return { default: null };
  if (value.tree?.kind === 'list') return sorted(value.texts().map((name) => [name, null]));
  return sorted(value.entries().map(([name, one]) => [name, one.tree && toPlain(one.tree)]));
}

function canonicalDevices(
  value: Reader,
  devices: readonly { PathOnHost: string; PathInContainer?: string; CgroupPermissions?: string }[],
): unknown[] {
  const plain = devices.map((one) => ({
    source: one.PathOnHost,
    target: one.PathInContainer,
    permissions: one.CgroupPermissions,
  }));
  const known = new Set(devices.map((one) => one.PathOnHost));
  const vendors = value.texts().filter((text) => !known.has(text.split(':')[0] ?? ''));
  return [...plain, ...vendors];
}

function canonicalDeploy(value: Reader): Plain {
  const written = plainOf(value);
  if (value.at('labels').present) written['labels'] = value.at('labels').record();
  for (const key of ['update_config', 'rollback_config', 'restart_policy'])
    if (value.at(key).present)
      written[key] = withWritten(value.at(key), ['delay', 'monitor', 'window'], duration);
  const resources = value.at('resources');
  if (resources.present)
    written['resources'] = withWritten(resources, ['limits', 'reservations'], (one) =>
      withWritten(one, ['memory'], bytes),
    );
  return written;
}

function withWritten(value: Reader, keys: readonly string[], write: (value: Reader) => unknown): Plain {
  const present = keys.filter((key) => value.at(key).present);
  return { ...plainOf(value), ...sorted(present.map((key) => [key, write(value.at(key))])) };
}

function plainOf(value: Reader): Plain {
  const plain = value.tree === undefined ? {} : toPlain(value.tree);
  return typeof plain === 'object' && plain !== null ? { ...plain } : {};
}

/** With absolute paths on this machine. */
function canonicalDevelop(value: Reader, rules: readonly WatchRule[]): Plain {
  const watch = value.at('watch').items();
  return {
    ...plainOf(value),
    watch: watch.map((rule, index) => ({ ...plainOf(rule), path: rules[index]?.path })),
  };
}
