import type { ContainerConfig, HealthConfig, HostConfig, RestartPolicy } from '#domain/container/config.ts';
import { readBlockLimits, readDeviceRequests, readDevices } from './read-devices.ts';
import { compact, type Reader } from './reader.ts';
import { formatPath } from './tree.ts';

const given = <T>(list: T[]): T[] | undefined => (list.length === 0 ? undefined : list);
const filled = <T extends object>(record: T): T | undefined =>
  Object.keys(record).length === 0 ? undefined : record;

/** The settings of a service that are the container's own, environment, labels and image excepted. */
export function readContainer(service: Reader): ContainerConfig {
  const grace = service.at('stop_grace_period').duration();
  return compact<ContainerConfig>({
    Hostname: service.at('hostname').text(),
    Domainname: service.at('domainname').text(),
    User: service.at('user').text(),
    Tty: service.at('tty').boolean(),
    OpenStdin: service.at('stdin_open').boolean(),
    Cmd: service.at('command').command(),
    Entrypoint: service.at('entrypoint').command(),
    WorkingDir: service.at('working_dir').text(),
    MacAddress: service.at('mac_address').text(),
    StopSignal: service.at('stop_signal').text(),
    StopTimeout: grace === undefined ? undefined : Math.ceil(grace / 1e9),
    ExposedPorts: filled(readExpose(service.at('expose'))),
    Healthcheck: readHealth(service.at('healthcheck')),
  });
}

function readExpose(expose: Reader): Record<string, Record<string, never>> {
  const ports: Record<string, Record<string, never>> = {};
  for (const item of expose.items()) {
    const found = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/.exec(item.text() ?? '');
    if (found === null) {
      item.complain(
        'compose-invalid-port',
        `'${item.text() ?? ''}' is not a port: required is PORT[-PORT][/tcp|udp|sctp]`,
      );
      continue;
    }
    const [, from = '', to = from, protocol = 'tcp'] = found;
    for (let port = Number(from); port <= Math.min(Number(to), 65535); port += 1)
      ports[`${port}/${protocol}`] = {};
  }
  return ports;
}

function readHealth(health: Reader): HealthConfig | undefined {
  if (!health.present) return undefined;
  if (health.at('disable').boolean() === true) return { Test: ['NONE'] };
  return compact<HealthConfig>({
    Test: readProbe(health.at('test')),
    Interval: health.at('interval').duration(),
    Timeout: health.at('timeout').duration(),
    StartPeriod: health.at('start_period').duration(),
    StartInterval: health.at('start_interval').duration(),
    Retries: health.at('retries').integer(),
  });
}

function readProbe(test: Reader): string[] | undefined {
  if (!test.present) return undefined;
  if (test.tree?.kind !== 'list') return ['CMD-SHELL', test.text() ?? ''];
  const words = test.texts();
  if (['NONE', 'CMD', 'CMD-SHELL'].includes(words[0] ?? '')) return words;
  const found = words.length === 0 ? 'nothing' : `'${words[0] ?? ''}'`;
  test.complain('compose-invalid-value', `a list begins with CMD, CMD-SHELL or NONE, found ${found}`);
  return undefined;
}

/** The settings that concern the host; mounts, ports and networks excepted. */
export function readHost(service: Reader): HostConfig {
  return {
    ...readIsolation(service),
    ...readLimits(service),
    ...readBlockLimits(service.at('blkio_config')),
  };
}

function readIsolation(service: Reader): HostConfig {
  const logging = service.at('logging');
  return compact<HostConfig>({
    RestartPolicy: readRestart(service),
    CapAdd: given(service.at('cap_add').texts()),
    CapDrop: given(service.at('cap_drop').texts()),
    CgroupnsMode: readCgroup(service.at('cgroup')),
    CgroupParent: service.at('cgroup_parent').text(),
    Dns: given(service.at('dns').texts()),
    DnsOptions: given(service.at('dns_opt').texts()),
    DnsSearch: given(service.at('dns_search').texts()),
    ExtraHosts: given(readExtraHosts(service.at('extra_hosts'))),
    GroupAdd: given(service.at('group_add').texts()),
    IpcMode: service.at('ipc').text(),
    PidMode: service.at('pid').text(),
    UTSMode: service.at('uts').text(),
    UsernsMode: service.at('userns_mode').text(),
    Privileged: service.at('privileged').boolean(),
    ReadonlyRootfs: service.at('read_only').boolean(),
    SecurityOpt: given(service.at('security_opt').texts()),
    Sysctls: filled(service.at('sysctls').record()),
    Tmpfs: filled(readTmpfs(service.at('tmpfs'))),
    Init: service.at('init').boolean(),
    Annotations: filled(service.at('annotations').record()),
    Devices: given(readDevices(service.at('devices'))),
    DeviceRequests: given(readDeviceRequests(service)),
    Runtime: service.at('runtime').text(),
    DeviceCgroupRules: given(service.at('device_cgroup_rules').texts()),
    LogConfig: logging.present
      ? { Type: logging.at('driver').text() ?? '', Config: logging.at('options').record() }
      : undefined,
  });
}

function readLimits(service: Reader): HostConfig {
  const limits = service.at('deploy').at('resources').at('limits');
  const reserved = service.at('deploy').at('resources').at('reservations');
  const cpus = same(limits.at('cpus'), service.at('cpus'), (at) => at.number());
  return compact<HostConfig>({
    NanoCpus: cpus === undefined ? undefined : Math.round(cpus * 1e9),
    CpuShares: service.at('cpu_shares').integer() ?? sharesFor(reserved.at('cpus').number()),
    CpuPeriod: micros(service.at('cpu_period')),
    CpuQuota: micros(service.at('cpu_quota')),
    CpusetCpus: service.at('cpuset').text(),
    Memory: same(limits.at('memory'), service.at('mem_limit'), (at) => at.bytes()),
    MemoryReservation: same(reserved.at('memory'), service.at('mem_reservation'), (at) => at.bytes()),
    MemorySwap: readSwap(service.at('memswap_limit')),
    MemorySwappiness: service.at('mem_swappiness').integer(),
    PidsLimit: same(limits.at('pids'), service.at('pids_limit'), (at) => at.integer()),
    OomKillDisable: service.at('oom_kill_disable').boolean(),
    OomScoreAdj: service.at('oom_score_adj').integer(),
    ShmSize: service.at('shm_size').bytes(),
    Ulimits: given(readUlimits(service.at('ulimits'))),
  });
}

/** What is reserved is a weight when processors are scarce, 1024 for a core, as Kubernetes has it for requests. */
function sharesFor(cpus: number | undefined): number | undefined {
  return cpus === undefined ? undefined : Math.max(2, Math.round(cpus * 1024));
}

/** Two keys for one thing: when both are given, they must say the same. */
function same(one: Reader, other: Reader, read: (at: Reader) => number | undefined): number | undefined {
  const [first, second] = [read(one), read(other)];
  if (first !== undefined && second !== undefined && first !== second)
    other.complain(
      'compose-contradiction',
      `it is ${second}, but ${formatPath(one.path.slice(2))} is ${first}`,
    );
  return first ?? second;
}

/** A number is microseconds; a text with a unit, a duration. */
function micros(value: Reader): number | undefined {
  const text = value.text();
  if (text === undefined || /^-?\d+$/.test(text)) return value.integer();
  const nanos = value.duration();
  return nanos === undefined ? undefined : Math.round(nanos / 1000);
}

function readSwap(limit: Reader): number | undefined {
  return limit.text() === '-1' ? -1 : limit.bytes();
}

function readCgroup(cgroup: Reader): HostConfig['CgroupnsMode'] {
  const mode = cgroup.text();
  return mode === 'host' || mode === 'private' ? mode : undefined;
}

function readRestart(service: Reader): RestartPolicy | undefined {
  const restart = service.at('restart');
  const text = restart.text();
  if (text === undefined) return readDeployRestart(service.at('deploy').at('restart_policy'));
  const [name = '', count] = text.split(':');
  if (name === 'on-failure' && (count === undefined || /^\d+$/.test(count)))
    return { Name: 'on-failure', MaximumRetryCount: Number(count ?? 0) };
  if (count === undefined && (name === 'no' || name === 'always' || name === 'unless-stopped'))
    return { Name: name };
  restart.complain(
    'compose-invalid-value',
    `found '${text}', required is 'no', 'always', 'unless-stopped' or 'on-failure[:COUNT]'`,
  );
  return undefined;
}

function readDeployRestart(policy: Reader): RestartPolicy | undefined {
  if (!policy.present) return undefined;
  const condition = policy.at('condition').text() ?? 'any';
  if (condition === 'none') return { Name: 'no' };
  if (condition === 'on-failure')
    return { Name: 'on-failure', MaximumRetryCount: policy.at('max_attempts').integer() ?? 0 };
  // read-deploy.ts complains about any other word.
  return { Name: 'unless-stopped' };
}

export function readExtraHosts(hosts: Reader): string[] {
  if (hosts.tree?.kind === 'map')
    return hosts
      .entries()
      .flatMap(([name, addresses]) => addresses.texts().map((address) => `${name}:${address}`));
  return hosts.items().flatMap((item) => {
    const text = item.text() ?? '';
    const split = text.search(/[=:]/);
    if (split > 0) return [`${text.slice(0, split)}:${text.slice(split + 1)}`];
    item.complain('compose-invalid-value', `'${text}' is not an extra host: required is NAME=ADDRESS`);
    return [];
  });
}

function readTmpfs(tmpfs: Reader): Record<string, string> {
  return Object.fromEntries(
    tmpfs.texts().map((text) => {
      const split = text.indexOf(':');
      return split < 0 ? [text, ''] : [text.slice(0, split), text.slice(split + 1)];
    }),
  );
}

export function readUlimits(ulimits: Reader): NonNullable<HostConfig['Ulimits']> {
  return ulimits.entries().flatMap(([name, limit]) => {
    const both = limit.tree?.kind === 'map' ? undefined : limit.integer();
    const soft = both ?? limit.at('soft').integer();
    const hard = both ?? limit.at('hard').integer();
    return soft === undefined || hard === undefined ? [] : [{ Name: name, Soft: soft, Hard: hard }];
  });
}
