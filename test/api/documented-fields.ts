/** A field of a request's body in the API description of 1.51, with a value that asks for something. */
export interface DocumentedField {
  name: string;
  value: unknown;
  /** What else the request has to have for the value to make sense. */
  with?: Record<string, unknown>;
  /** Where the answer of an inspect has it, when not at the same place; a text of the JSON is looked for. */
  shows?: string;
  /** What its process prints then, of an exec. */
  prints?: RegExp;
  /** Said in the refusal or warning instead of the field's name. */
  says?: RegExp;
}

const field = (
  name: string,
  value: unknown,
  more: Omit<DocumentedField, 'name' | 'value'> = {},
): DocumentedField => ({
  name,
  value,
  ...more,
});

/** ContainerConfig. */
export const configFields: readonly DocumentedField[] = [
  field('Hostname', 'own'),
  field('Domainname', 'example.org'),
  field('User', '1:1'),
  field('AttachStdin', true),
  field('AttachStdout', true),
  field('AttachStderr', true),
  field('ExposedPorts', { '81/tcp': {} }),
  field('Tty', true),
  field('OpenStdin', true),
  field('StdinOnce', true),
  field('Env', ['A=b'], { shows: '"A=b"' }),
  field('Cmd', ['echo']),
  field('Healthcheck', { Test: ['CMD', 'true'], Interval: 2_000_000_000 }),
  field('ArgsEscaped', true),
  field('Volumes', { '/data': {} }),
  field('WorkingDir', '/tmp'),
  field('Entrypoint', ['sh']),
  field('NetworkDisabled', true),
  field('MacAddress', '02:42:ac:11:00:09', { shows: '"02:42:ac:11:00:09"' }),
  field('OnBuild', ['RUN x']),
  field('Labels', { a: 'b' }),
  field('StopSignal', 'SIGINT'),
  field('StopTimeout', 3),
  field('Shell', ['/bin/sh']),
];

const device = [{ PathOnHost: '/dev/null', PathInContainer: '/dev/x', CgroupPermissions: 'r' }];
const rate = [{ Path: '/dev/none', Rate: 1_000_000 }];

/** Resources: of HostConfig, and what an update may change. */
export const resourceFields: readonly DocumentedField[] = [
  field('CpuShares', 512),
  field('Memory', 64_000_000),
  field('CgroupParent', 'berth-none'),
  field('BlkioWeight', 300, { says: /blkio/i }),
  field('BlkioWeightDevice', [{ Path: '/dev/none', Weight: 300 }], { says: /\/dev\/none|blkio/i }),
  field('BlkioDeviceReadBps', rate, { says: /\/dev\/none|blkio/i }),
  field('BlkioDeviceWriteBps', rate, { says: /\/dev\/none|blkio/i }),
  field('BlkioDeviceReadIOps', rate, { says: /\/dev\/none|blkio/i }),
  field('BlkioDeviceWriteIOps', rate, { says: /\/dev\/none|blkio/i }),
  field('CpuPeriod', 50_000),
  field('CpuQuota', 25_000),
  field('CpuRealtimePeriod', 1_000_000, { says: /real-?time/i }),
  field('CpuRealtimeRuntime', 950_000, { says: /real-?time/i }),
  field('CpusetCpus', '0'),
  field('CpusetMems', '0'),
  field('Devices', device),
  field('DeviceCgroupRules', ['c 1:3 r']),
  field('DeviceRequests', [{ Driver: 'cdi', DeviceIDs: ['none.example/x=y'] }], {
    says: /none\.example|device/i,
  }),
  field('KernelMemory', 64_000_000),
  field('KernelMemoryTCP', 64_000_000),
  field('MemoryReservation', 32_000_000),
  field('MemorySwap', 128_000_000, { with: { Memory: 64_000_000 } }),
  field('MemorySwappiness', 10, { says: /swappiness/i }),
  field('NanoCpus', 500_000_000),
  field('OomKillDisable', true, { says: /OOM/i }),
  field('Init', true),
  field('PidsLimit', 50),
  field('Ulimits', [{ Name: 'nofile', Soft: 100, Hard: 100 }]),
  field('CpuCount', 1),
  field('CpuPercent', 10),
  field('IOMaximumIOps', 10),
  field('IOMaximumBandwidth', 10),
];

/** What only HostConfig has. */
export const hostFields: readonly DocumentedField[] = [
  field('Binds', ['/tmp:/tmp:ro']),
  field('ContainerIDFile', '/tmp/cid'),
  field('LogConfig', { Type: 'local', Config: { 'max-size': '1m' } }),
  field('NetworkMode', 'none'),
  field('PortBindings', { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '0' }] }),
  field('RestartPolicy', { Name: 'on-failure', MaximumRetryCount: 2 }),
  field('AutoRemove', true),
  field('VolumeDriver', 'strange', { with: { Binds: ['named:/x'] }, says: /strange/ }),
  field('VolumesFrom', ['nosuch'], { says: /nosuch/ }),
  field('Mounts', [{ Type: 'tmpfs', Target: '/t' }]),
  field('ConsoleSize', [20, 80]),
  field('Annotations', { a: 'b' }),
  field('CapAdd', ['NET_ADMIN'], { shows: 'NET_ADMIN' }),
  field('CapDrop', ['CHOWN'], { shows: 'CHOWN' }),
  field('CgroupnsMode', 'private'),
  field('Dns', ['192.0.2.1']),
  field('DnsOptions', ['ndots:2']),
  field('DnsSearch', ['example.org']),
  field('ExtraHosts', ['x:192.0.2.1']),
  field('GroupAdd', ['10']),
  field('IpcMode', 'none'),
  field('Cgroup', 'strange'),
  field('Links', ['nosuch:x'], { says: /nosuch/ }),
  field('OomScoreAdj', 100),
  field('PidMode', 'host'),
  field('Privileged', true),
  field('PublishAllPorts', true),
  field('ReadonlyRootfs', true),
  field('SecurityOpt', ['no-new-privileges']),
  field('StorageOpt', { size: '1G' }, { says: /storage/i }),
  field('Tmpfs', { '/t': 'size=1m' }),
  field('UTSMode', 'host'),
  field('UsernsMode', 'host'),
  field('ShmSize', 1_000_000),
  field('Sysctls', { 'net.ipv4.ip_forward': '0' }),
  field('Runtime', 'strange', { says: /strange/ }),
  field('Isolation', 'hyperv', { says: /isolation/ }),
  field('MaskedPaths', ['/proc/keys']),
  field('ReadonlyPaths', ['/proc/sys']),
];

/** EndpointSettings, in a network of the test. */
export const endpointFields: readonly DocumentedField[] = [
  field('IPAMConfig', { LinkLocalIPs: ['169.254.1.1'] }, { says: /link-local/i }),
  field('Links', ['nosuch:x'], { shows: 'nosuch:x' }),
  field('Aliases', ['www']),
  field('MacAddress', '02:42:ac:11:00:08'),
  field('DriverOpts', { strange: '1' }, { says: /strange|driver.?opt/i }),
  field('GwPriority', 7),
];

/** ExecConfig. */
export const execFields: readonly DocumentedField[] = [
  field('AttachStdin', true, { shows: '"OpenStdin":true' }),
  field('AttachStdout', true, { shows: '"OpenStdout":true' }),
  field('AttachStderr', true, { shows: '"OpenStderr":true' }),
  field('ConsoleSize', [20], { says: /ConsoleSize/ }),
  field('DetachKeys', 'ctrl-strange', { says: /ctrl-strange|detach/i }),
  field('Tty', true, { shows: '"tty":true' }),
  field('Env', ['A=given'], { with: { Cmd: ['env'], AttachStdout: true }, prints: /A=given\n/ }),
  field('Cmd', ['echo', 'this'], { shows: '"this"' }),
  field('Privileged', true, { shows: '"privileged":true' }),
  field('User', 'nosuch', { shows: '"user":"nosuch"' }),
  field('WorkingDir', '/tmp', { with: { Cmd: ['pwd'], AttachStdout: true }, prints: /\/tmp\n/ }),
];

/** NetworkCreateRequest; each with a name of its own. */
export const networkFields: readonly DocumentedField[] = [
  field('Driver', 'strange', { says: /strange/ }),
  field('Scope', 'swarm', { says: /scope/i }),
  field('Internal', true),
  field('Attachable', true),
  field('Ingress', true, { says: /ingress/i }),
  field('ConfigOnly', true, { says: /config/i }),
  field('ConfigFrom', { Network: 'x' }, { says: /config/i }),
  field('IPAM', { Driver: 'default', Config: [{ Subnet: '10.213.7.0/24' }] }, { shows: '10.213.7.0/24' }),
  field('EnableIPv4', false, { says: /IPv4/i }),
  field('EnableIPv6', true),
  field('Options', { 'com.docker.network.driver.mtu': '1400' }),
  field('Labels', { a: 'b' }),
];

/** VolumeCreateOptions. */
export const volumeFields: readonly DocumentedField[] = [
  field('Name', 'documented'),
  field('Driver', 'strange', { says: /strange/ }),
  field(
    'DriverOpts',
    { type: 'tmpfs', device: 'tmpfs' },
    { shows: '"Options":{"type":"tmpfs","device":"tmpfs"}' },
  ),
  field('Labels', { a: 'b' }),
  field('ClusterVolumeSpec', { Group: 'x' }),
];

/** Parameters of `POST /build` with a value that is wrong, or that has to be told of. */
export const buildParameters: readonly DocumentedField[] = [
  field('dockerfile', 'nosuch', { says: /nosuch/ }),
  field('t', 'UPPER', { says: /lowercase/ }),
  field('extrahosts', 'odd', { says: /add-host|odd/ }),
  field('remote', 'http://x', { says: /http:\/\/x/ }),
  field('q', '1', { says: /^\{"stream":"sha256:[0-9a-f]{64}\\n"\}\r\n$/ }),
  field('nocache', '1', { says: /Successfully built/ }),
  // What it does, test/e2e/builds/everyday.test.ts shows.
  field('cachefrom', '["x"]', { says: /Successfully built/ }),
  field('pull', '1', { says: /busybox/ }),
  field('rm', '0', { says: /--rm/ }),
  field('memory', 'x'),
  field('memswap', 'x'),
  field('cpushares', 'x'),
  field('cpusetcpus', '99', { says: /cpu/i }),
  field('cpuperiod', 'x'),
  field('cpuquota', 'x'),
  field('buildargs', 'x'),
  field('shmsize', 'x'),
  field('squash', '1'),
  field('labels', 'x'),
  field('networkmode', 'nosuch', { says: /nosuch/ }),
  field('platform', 'a/b/c/d'),
  field('target', 'nosuch', { says: /nosuch/ }),
  field('outputs', '[{}]'),
  field('version', '2', { says: /moby\.buildkit\.trace/ }),
];
