import type { Container, ContainerState, MountPoint } from '#domain/container/container.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import { parseLink } from '#domain/container/hosts-file.ts';
import { statusText } from '#domain/container/status-text.ts';
import { hasProcess } from '#domain/container/state.ts';
import { hostConfigJson } from '#api/docker/host-config-json.ts';
import { compareVersions } from '#api/versions.ts';
import { networkSettingsJson, networksJson, portListJson } from '#api/docker/network-settings-json.ts';

export interface InspectContext {
  paths: { hosts: string; hostname: string; resolvConf: string; log: string };
  execs: string[];
  sandbox: string;
  sizes?: { own: number; root: number };
  /** The manifest of its image, while that is there. */
  manifest?: Descriptor;
  /** Between the two halves of a restart. Compose, which asks at the event `die`, leaves what it takes for ended. */
  comesBack: boolean;
  apiVersion: string;
}

/** ContainerInspectResponse of the Docker Engine API. */
export function inspectJson(container: Container, context: InspectContext): Record<string, unknown> {
  const { paths, sizes, apiVersion, manifest, comesBack } = context;
  const running = hasProcess(container) || container.state.startedAt !== '0001-01-01T00:00:00Z';
  return {
    Id: container.id,
    Created: container.created,
    Path: container.path,
    Args: container.args,
    State: stateJson(comesBack ? { ...container.state, status: 'restarting' } : container.state),
    Image: container.imageId,
    ResolvConfPath: running ? paths.resolvConf : '',
    HostnamePath: running ? paths.hostname : '',
    HostsPath: running ? paths.hosts : '',
    LogPath: paths.log,
    Name: `/${container.name}`,
    RestartCount: container.state.restartCount,
    Driver: 'overlay2',
    Platform: container.platform,
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: context.execs.length === 0 ? null : context.execs,
    HostConfig: { ...hostConfigJson(container.hostConfig), Links: linksJson(container) },
    GraphDriver: { Name: 'overlay2', Data: {} },
    ...sizesJson(sizes),
    Mounts: container.mounts.map(mountJson),
    Config: configJson(container, apiVersion),
    NetworkSettings: networkSettingsJson(container, context.sandbox, apiVersion),
    ...(manifest !== undefined && isSince(apiVersion, '1.48') && { ImageManifestDescriptor: manifest }),
  };
}

function stateJson(state: ContainerState): Record<string, unknown> {
  const { status, health } = state;
  return {
    Status: status,
    Running: ['running', 'paused', 'restarting'].includes(status),
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: state.oomKilled,
    Dead: status === 'dead',
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
    ...(health === undefined
      ? {}
      : { Health: { Status: health.status, FailingStreak: health.failingStreak, Log: health.log } }),
  };
}

function isSince(version: string, first: string): boolean {
  return compareVersions(version, first) >= 0;
}

function configJson({ config, endpoints }: Container, apiVersion: string): Record<string, unknown> {
  const shown: Record<string, unknown> = {
    Hostname: '',
    Domainname: '',
    User: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: null,
    Cmd: null,
    Image: '',
    Volumes: null,
    WorkingDir: '',
    Entrypoint: null,
    OnBuild: null,
    Labels: {},
    ...config,
    ...(isEmpty(config.Volumes) ? { Volumes: null } : {}),
    ...(!isSince(apiVersion, '1.44') && { MacAddress: endpoints[0]?.macAddress ?? '' }),
  };
  if (isEmpty(config.ExposedPorts)) delete shown['ExposedPorts'];
  return shown;
}

function isEmpty(map: object | null | undefined): boolean {
  return map === null || map === undefined || Object.keys(map).length === 0;
}

function mountJson(mount: MountPoint): Record<string, unknown> {
  return {
    Type: mount.type,
    ...(mount.name === undefined ? {} : { Name: mount.name }),
    Source: mount.source,
    Destination: mount.destination,
    ...(mount.driver === undefined ? {} : { Driver: mount.driver }),
    Mode: mount.mode,
    RW: mount.readWrite,
    Propagation: mount.propagation,
  };
}

/** `/other:/name/alias`, as Docker keeps them. */
function linksJson({ name, hostConfig }: Container): string[] | null {
  const links = (hostConfig.Links ?? []).map(parseLink);
  if (links.length === 0) return null;
  return links.map(({ container, alias }) => `/${container}:/${name}/${alias}`);
}

/** As `docker ps` shows an argument. */
function quoted(argument: string): string {
  return argument.includes(' ') ? `'${argument}'` : argument;
}

function sizesJson(sizes: { own: number; root: number } | undefined): Record<string, number> {
  return sizes === undefined ? {} : { SizeRw: sizes.own, SizeRootFs: sizes.root };
}

export interface SummaryContext {
  /** Milliseconds since 1970. */
  now: number;
  sizes?: { own: number; root: number };
  /** The image's name still means the image that the container was made from. */
  nameHolds: boolean;
  /** The manifest of its image, while that is there. */
  manifest?: Descriptor;
  apiVersion: string;
}

/** ContainerSummary of the Docker Engine API: one entry of a list. */
export function summaryJson(container: Container, context: SummaryContext): Record<string, unknown> {
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: context.nameHolds ? container.imageName : container.imageId,
    ImageID: container.imageId,
    Command: [container.path, ...container.args.map(quoted)].join(' '),
    Created: Math.floor(Date.parse(container.created) / 1000),
    Ports: portListJson(container),
    ...sizesJson(context.sizes),
    Labels: container.config.Labels ?? {},
    State: container.state.status,
    Status: statusText(container.state, context.now),
    HostConfig: {
      NetworkMode: container.hostConfig.NetworkMode ?? 'bridge',
      ...(isSince(context.apiVersion, '1.46') &&
        !isEmpty(container.hostConfig.Annotations) && { Annotations: container.hostConfig.Annotations }),
    },
    NetworkSettings: { Networks: networksJson(container) },
    Mounts: container.mounts.map(mountJson),
    ...(context.manifest !== undefined && { ImageManifestDescriptor: context.manifest }),
  };
}
