import type { ContainerConfig, HostConfig, Resources } from '#domain/container/config.ts';
import { checkLogConfig, logWarnings } from '#domain/container/log-limits.ts';
import { parseSignal } from '#domain/container/signals.ts';
import { checkRestartPolicy } from '#domain/container/restart.ts';
import { wantedPorts } from '#domain/container/port-bindings.ts';
import { invalid } from '#base/errors.ts';

const leastMemory = 6 * 1024 * 1024;

/**
 * What can be told from a create request alone, as moby's verifyContainerSettings. Gives warnings.
 * @throws invalid and conflict, with Docker's words
 */
export function validateRequest(config: ContainerConfig, host: HostConfig): string[] {
  checkConfig(config);
  checkModes(config, host);
  checkRestartPolicy(host.RestartPolicy, host.AutoRemove === true);
  wantedPorts(config, host);
  checkLogConfig(host.LogConfig);
  const discarded = host.NetworkMode === 'host' && bindsPorts(host);
  return [
    ...(discarded ? ['Published ports are discarded when using host network mode'] : []),
    ...logWarnings(host.LogConfig),
    ...validateResources(host),
  ];
}

function checkConfig(config: ContainerConfig): void {
  if (config.WorkingDir && !config.WorkingDir.startsWith('/'))
    throw refused(
      'working-dir-invalid',
      `the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`,
    );
  if (config.StopSignal) parseSignal(config.StopSignal);
  for (const entry of config.Env ?? [])
    if (entry.startsWith('=') || entry === '')
      throw refused('env-invalid', `invalid environment variable: ${entry}`);
  // HOST_NAME_MAX of sethostname(2).
  if (config.Hostname !== undefined && config.Hostname.length > 64)
    throw refused('hostname-invalid', `invalid hostname: '${config.Hostname}' is longer than 64 characters`);
  checkHealth(config.Healthcheck);
}

function checkHealth(health: ContainerConfig['Healthcheck']): void {
  const least = 1_000_000;
  for (const name of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    const value = health?.[name] ?? 0;
    if (value !== 0 && value < least)
      throw refused('health-invalid', `${name} in Healthcheck cannot be less than 1ms`);
  }
  if ((health?.Retries ?? 0) < 0)
    throw refused('health-invalid', 'Retries in Healthcheck cannot be negative');
}

function checkModes(config: ContainerConfig, host: HostConfig): void {
  const network = host.NetworkMode ?? '';
  if (network.startsWith('container:')) checkSharedNetwork(config, host);
  if (network === 'host' && host.Links?.length)
    throw clash("host type networking can't be used with links. This would result in undefined behavior");
  if (network === 'host' && config.MacAddress) throw clash('mac-address and the network mode');
  if (host.UTSMode === 'host' && config.Hostname) throw clash('hostname and the UTS mode');
  if (host.OomScoreAdj !== undefined && Math.abs(host.OomScoreAdj) > 1000)
    throw refused(
      'oom-score-invalid',
      `Invalid value ${host.OomScoreAdj}, range for oom score adj is [-1000, 1000]`,
    );
  if ((host.ShmSize ?? 0) < 0) throw refused('shm-size-invalid', 'SHM size can not be less than 0');
}

function checkSharedNetwork(config: ContainerConfig, host: HostConfig): void {
  const clashes: [boolean, string][] = [
    [Boolean(config.Hostname), 'hostname and the network mode'],
    [
      Boolean(host.Links?.length),
      "container type network can't be used with links. This would result in undefined behavior",
    ],
    [Boolean(host.Dns?.length), 'dns and the network mode'],
    [Boolean(host.ExtraHosts?.length), 'custom host-to-IP mapping and the network mode'],
    [Boolean(config.MacAddress), 'mac-address and the network mode'],
    [
      bindsPorts(host) || host.PublishAllPorts === true,
      'port publishing and the container type network mode',
    ],
    [Object.keys(config.ExposedPorts ?? {}).length > 0, 'port exposing and the container type network mode'],
  ];
  const found = clashes.find(([clashing]) => clashing);
  if (found !== undefined) throw clash(found[1]);
}

function bindsPorts(host: HostConfig): boolean {
  return Object.keys(host.PortBindings ?? {}).length > 0;
}

function clash(what: string): Error {
  return refused('options-conflict', `conflicting options: ${what}`);
}

/**
 * Limits, for create and update. Gives warnings.
 * @throws invalid, with Docker's words
 */
export function validateResources(limits: Resources): string[] {
  checkMemory(limits);
  checkCpu(limits);
  if (limits.BlkioWeight && (limits.BlkioWeight < 10 || limits.BlkioWeight > 1000))
    throw refused('blkio-weight-invalid', 'Range of blkio weight is from 10 to 1000');
  if (limits.OomKillDisable !== true || (limits.Memory ?? 0) !== 0) return [];
  return [
    'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
  ];
}

function checkMemory(limits: Resources): void {
  const memory = limits.Memory ?? 0;
  const swap = limits.MemorySwap ?? 0;
  const reservation = limits.MemoryReservation ?? 0;
  const swappiness = limits.MemorySwappiness ?? -1;
  const checks: [boolean, string, string][] = [
    [memory !== 0 && memory < leastMemory, 'memory-too-low', 'Minimum memory limit allowed is 6MB'],
    [
      memory > 0 && swap > 0 && swap < memory,
      'memory-swap-too-low',
      'Minimum memoryswap limit should be larger than memory limit, see usage',
    ],
    [
      memory === 0 && swap > 0,
      'memory-swap-alone',
      'You should always set the Memory limit when using Memoryswap limit, see usage',
    ],
    [
      reservation !== 0 && reservation < leastMemory,
      'memory-too-low',
      'Minimum memory reservation allowed is 6MB',
    ],
    [
      memory > 0 && reservation > memory,
      'memory-reservation-too-high',
      'Minimum memory limit can not be less than memory reservation limit, see usage',
    ],
    [
      swappiness < -1 || swappiness > 100,
      'swappiness-invalid',
      `Invalid value: ${swappiness}, valid memory swappiness range is 0-100`,
    ],
  ];
  refuseFirst(checks);
}

function checkCpu(limits: Resources): void {
  const { NanoCpus: nano = 0, CpuPeriod: period = 0, CpuQuota: quota = 0, CpuShares: shares = 0 } = limits;
  const checks: [boolean, string, string][] = [
    [
      nano > 0 && period > 0,
      'options-conflict',
      'Conflicting options: Nano CPUs and CPU Period cannot both be set',
    ],
    [
      nano > 0 && quota > 0,
      'options-conflict',
      'Conflicting options: Nano CPUs and CPU Quota cannot both be set',
    ],
    [
      period !== 0 && (period < 1000 || period > 1_000_000),
      'cpu-period-invalid',
      'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
    ],
    [quota > 0 && quota < 1000, 'cpu-quota-invalid', 'CPU cfs quota can not be less than 1ms (i.e. 1000)'],
    [shares < 0, 'cpu-shares-invalid', `invalid CPU shares (${shares}): value must be a positive integer`],
  ];
  refuseFirst(checks);
}

function refuseFirst(checks: [failed: boolean, code: string, message: string][]): void {
  const found = checks.find(([failed]) => failed);
  if (found !== undefined) throw refused(found[1], found[2]);
}

function refused(code: string, message: string): Error {
  return invalid(code, message);
}
