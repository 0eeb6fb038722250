import type { Container } from '#domain/container/container.ts';
import type { RuntimeSpec } from '#domain/container/runtime-spec.ts';
import type { NamespaceSource, SpecInput, UserNamespaceSource } from '#domain/container/spec-input.ts';
import type { ResolvedUser } from '#domain/container/user.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { EtcPaths } from '#ports/container-files.ts';
import { cdiEdits } from '#domain/container/cdi.ts';
import { cdiNames } from '#domain/container/cdi-names.ts';
import { checkRemapped } from '#domain/container/mode-checks.ts';
import { buildSpec } from '#domain/container/spec.ts';
import { hasProcess } from '#domain/container/state.ts';
import { resolveUser } from '#domain/container/user.ts';
import { variablesOfLinks } from '#engine/containers/linking.ts';
import { conflict, invalid, systemCode, within } from '#base/errors.ts';

/** Looks up what a specification depends on and builds it. @throws as buildSpec, resolveUser, Host.devices */
export async function specify(
  parts: Pick<ContainerParts, 'host' | 'instance' | 'initPath' | 'files'>,
  container: Container,
  found: Pick<SpecInput, 'rootPath' | 'sources' | 'granted'> & { sandbox: NamespaceSource; files: EtcPaths },
  find: (ref: string) => Container | undefined,
): Promise<RuntimeSpec> {
  const { host, instance, initPath } = parts;
  const { hostConfig, config } = container;
  const userNamespace = userNamespaceOf(host, container, find);
  const user = await userOf(host, container, found.rootPath, config.User ?? '');
  if (config.WorkingDir) await makeWorkingFolder(host, found.rootPath, config.WorkingDir);
  const shmPath = await sharedShm(parts.files, container, find);
  const input: SpecInput = {
    container,
    rootPath: found.rootPath,
    user,
    linked: variablesOfLinks(container, find),
    namespaces: {
      network: found.sandbox,
      pid: shared('pid', hostConfig.PidMode, find),
      ipc: shared('ipc', hostConfig.IpcMode, find),
      uts: sharesHostname(container) ? 'host' : 'private',
      ...(userNamespace === undefined ? {} : { user: userNamespace }),
    },
    files: found.files,
    ...(found.sources === undefined ? {} : { sources: found.sources }),
    ...(found.granted === undefined ? {} : { granted: found.granted }),
    ...(shmPath === undefined ? {} : { shmPath }),
    ...(await devicesOf(host, container)),
    blockDevices: await blockDevices(host, container),
    cgroupParent: instance.cgroupParent,
    ...(initPath === undefined ? {} : { initPath }),
    host: host.facts,
  };
  return buildSpec(input);
}

/** As root's, whoever the container runs as. */
async function makeWorkingFolder(host: ContainerParts['host'], root: string, path: string): Promise<void> {
  try {
    await host.makeFolderInRoot(root, path, { uid: 0, gid: 0 });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST' && systemCode(error) !== 'ENOTDIR') throw error;
    throw invalid('working-dir-invalid', `Cannot mkdir: ${path} is not a directory`, { cause: error });
  }
}

/** On the host's network a container has the host's name, unless it asks for one of its own. */
function sharesHostname({ config, hostConfig }: Container): boolean {
  return hostConfig.UTSMode === 'host' || (hostConfig.NetworkMode === 'host' && !config.Hostname);
}

/**
 * The user namespace of a container whose ids are remapped. A namespace of another container that it joins must have the
 * same owner. @throws invalid `user-namespace-conflict`
 */
function userNamespaceOf(
  { userNamespace }: ContainerParts['host'],
  { hostConfig }: Container,
  find: (ref: string) => Container | undefined,
): UserNamespaceSource | undefined {
  if (userNamespace === undefined || hostConfig.UsernsMode === 'host') return undefined;
  checkRemapped(hostConfig);
  const { NetworkMode, PidMode, IpcMode } = hostConfig;
  const joined = [NetworkMode, PidMode, IpcMode].find((mode) => mode?.startsWith('container:') === true);
  if (joined === undefined) return userNamespace;
  const peer = runningPeer(joined, find);
  if (peer.hostConfig.UsernsMode === 'host')
    throw invalid(
      'user-namespace-conflict',
      `cannot join a namespace of container ${peer.id}: it runs in the host's user namespace`,
      { hint: 'run both with --userns=host, or none' },
    );
  return { ...userNamespace, path: `/proc/${peer.state.pid}/ns/user` };
}

/** @param spec as in `--user`; the image's own files decide what names mean */
export async function userOf(
  host: ContainerParts['host'],
  container: Container,
  rootPath: string,
  spec: string,
): Promise<ResolvedUser> {
  const [passwd, group] = await Promise.all([
    host.readInRoot(rootPath, '/etc/passwd'),
    host.readInRoot(rootPath, '/etc/group'),
  ]);
  return resolveUser(spec, { passwd: passwd ?? '', group: group ?? '' }, container.hostConfig.GroupAdd ?? []);
}

function shared(
  type: 'pid' | 'ipc',
  mode: string | undefined,
  find: (ref: string) => Container | undefined,
): NamespaceSource {
  if (mode === 'host') return 'host';
  if (mode === undefined || !mode.startsWith('container:')) return 'private';
  try {
    return { path: `/proc/${runningPeer(mode, find).state.pid}/ns/${type}` };
  } catch (error) {
    throw within(`failed to join ${type.toUpperCase()} namespace`, error);
  }
}

/** The tmpfs on /dev/shm of a container that shares it, or of the one that shares it with this container. */
async function sharedShm(
  files: ContainerParts['files'],
  container: Container,
  find: (ref: string) => Container | undefined,
): Promise<string | undefined> {
  const { IpcMode: mode = '', ShmSize: size = 0 } = container.hostConfig;
  if (mode === 'shareable') return files.mountShm(container.id, size);
  if (!mode.startsWith('container:')) return undefined;
  const peer = runningPeer(mode, find);
  if (peer.hostConfig.IpcMode === 'shareable') return files.shmPath(peer.id);
  throw invalid(
    'ipc-not-shared',
    `failed to join IPC namespace: container ${peer.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  );
}

/** The running container that `container:REF` names. @throws invalid, conflict with Docker's words */
export function runningPeer(mode: string, find: (ref: string) => Container | undefined): Container {
  const ref = mode.slice('container:'.length);
  const peer = find(ref);
  if (peer === undefined) throw invalid('container-missing', `No such container: ${ref}`);
  if (!hasProcess(peer)) throw conflict('container-not-running', `container ${peer.id} is not running`);
  return peer;
}

/** The devices of the request, and what those of the Container Device Interface bring along. */
async function devicesOf(
  host: ContainerParts['host'],
  { hostConfig }: Container,
): Promise<Pick<SpecInput, 'devices' | 'cdi'>> {
  const names = cdiNames(hostConfig.DeviceRequests);
  const cdi = names.length > 0 ? cdiEdits(names, await host.cdiFiles()) : undefined;
  const privileged = hostConfig.Privileged === true;
  const asked = privileged ? [] : (hostConfig.Devices ?? []);
  const found = await Promise.all([
    ...(privileged ? [host.allDevices()] : []),
    ...asked.map(({ PathOnHost, PathInContainer, CgroupPermissions }) =>
      host.devices(PathOnHost, PathInContainer || PathOnHost, CgroupPermissions || 'rwm'),
    ),
    ...(cdi?.deviceNodes ?? []).map(({ hostPath, path, permissions }) =>
      host.devices(hostPath, path, permissions),
    ),
  ]);
  const devices = [...new Map(found.flat().map((device) => [device.pathInContainer, device])).values()];
  return { devices, ...(cdi === undefined ? {} : { cdi }) };
}

async function blockDevices(
  host: ContainerParts['host'],
  { hostConfig }: Container,
): Promise<SpecInput['blockDevices']> {
  const named: ({ Path: string }[] | null | undefined)[] = [
    hostConfig.BlkioWeightDevice,
    hostConfig.BlkioDeviceReadBps,
    hostConfig.BlkioDeviceWriteBps,
    hostConfig.BlkioDeviceReadIOps,
    hostConfig.BlkioDeviceWriteIOps,
  ];
  const paths = [
    ...new Set(named.flatMap((list): { Path: string }[] => list ?? []).map((device) => device.Path)),
  ];
  const numbers: SpecInput['blockDevices'] = {};
  for (const path of paths) {
    const device = (await host.devices(path, path, 'r'))[0];
    if (device !== undefined) numbers[path] = { major: device.major, minor: device.minor };
  }
  return numbers;
}
