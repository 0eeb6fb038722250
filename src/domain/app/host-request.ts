import { invalid } from '#base/errors.ts';
import type { HostConfig, MountRequest, PortBinding } from '#domain/container/config.ts';
import type { Mount, Port } from './model.ts';

type Empty = Record<string, never>;

/** Port bindings of the replica with this index (from 0). Of a range FROM-TO each replica takes the next port. */
export function publishedPorts(ports: readonly Port[], index: number): Record<string, PortBinding[]> {
  const bindings: Record<string, PortBinding[]> = {};
  for (const port of ports)
    (bindings[keyOf(port)] ??= []).push({ HostIp: port.hostIp, HostPort: ofReplica(port, index) });
  return bindings;
}

export function exposedBy(ports: readonly Port[]): Record<string, Empty> {
  return Object.fromEntries(ports.map((port) => [keyOf(port), {}]));
}

const keyOf = (port: Port): string => `${port.target}/${port.protocol}`;

function ofReplica(port: Port, index: number): string {
  const [from = '', to] = port.published.split('-');
  if (to === undefined) return port.published;
  const mine = Number(from) + index;
  if (mine <= Number(to)) return String(mine);
  throw invalid(
    'app-port-range',
    `replica ${index + 1} has no port left in the range ${port.published} for port ${port.target}/${port.protocol}`,
  );
}

/** Mounts in the engine's notation. `volumeName` gives the volume's name for a key of the app. */
export function readMountRequests(
  mounts: readonly Mount[],
  volumeName: (key: string) => string,
): { host: Pick<HostConfig, 'Binds' | 'Mounts'>; anonymous: Record<string, Empty> } {
  const binds: string[] = [];
  const requests: MountRequest[] = [];
  const anonymous: Record<string, Empty> = {};
  for (const mount of mounts) {
    const bind = asBind(mount, volumeName);
    if (bind !== undefined) binds.push(bind);
    else if (mount.type === 'volume' && mount.source === '' && isPlainVolume(mount))
      anonymous[mount.target] = {};
    else requests.push(asRequest(mount, volumeName));
  }
  const host: Pick<HostConfig, 'Binds' | 'Mounts'> = {};
  if (binds.length > 0) host.Binds = binds;
  if (requests.length > 0) host.Mounts = requests;
  return { host, anonymous };
}

function isPlainVolume(mount: Mount): boolean {
  const { subpath, labels = {}, noCopy = false } = mount.volume ?? {};
  return (
    subpath === undefined &&
    Object.keys(labels).length === 0 &&
    (mount.source !== '' || (!noCopy && !mount.readOnly))
  );
}

/** SOURCE:TARGET[:OPTIONS] where that can say it all. */
function asBind(mount: Mount, volumeName: (key: string) => string): string | undefined {
  if (mount.type === 'tmpfs' || mount.type === 'image' || mount.source === '') return undefined;
  if (mount.source.includes(':') || mount.target.includes(':')) return undefined;
  if (mount.type === 'volume') {
    if (!isPlainVolume(mount)) return undefined;
    return joined(
      [volumeName(mount.source), mount.target],
      mount.readOnly,
      mount.volume?.noCopy === true ? ['nocopy'] : [],
    );
  }
  if (mount.bind?.create !== true || mount.bind.recursive !== undefined) return undefined;
  const { propagation } = mount.bind;
  return joined([mount.source, mount.target], mount.readOnly, propagation === undefined ? [] : [propagation]);
}

function joined(parts: string[], readOnly: boolean, flags: string[]): string {
  const options = [...(readOnly ? ['ro'] : []), ...flags];
  return [...parts, ...(options.length === 0 ? [] : [options.join(',')])].join(':');
}

function asRequest(mount: Mount, volumeName: (key: string) => string): MountRequest {
  const request = { Type: mount.type, Target: mount.target, ReadOnly: mount.readOnly };
  if (mount.type === 'bind')
    return { ...request, Source: mount.source, BindOptions: bindOptions(mount.bind) };
  if (mount.type === 'tmpfs') return { ...request, TmpfsOptions: tmpfsOptions(mount.tmpfs) };
  if (mount.type === 'image') return { ...request, Source: mount.source, ...imageOptions(mount.image) };
  const named = mount.source === '' ? {} : { Source: volumeName(mount.source) };
  return { ...request, ...named, VolumeOptions: volumeOptions(mount.volume) };
}

function bindOptions(bind: Mount['bind']): NonNullable<MountRequest['BindOptions']> {
  return {
    CreateMountpoint: bind?.create ?? true,
    ...(bind?.propagation === undefined ? {} : { Propagation: bind.propagation }),
    ...(bind?.recursive === 'disabled' ? { NonRecursive: true } : {}),
    ...(bind?.recursive === 'writable' ? { ReadOnlyNonRecursive: true } : {}),
    ...(bind?.recursive === 'readonly' ? { ReadOnlyForceRecursive: true } : {}),
  };
}

function volumeOptions(volume: Mount['volume']): NonNullable<MountRequest['VolumeOptions']> {
  const options = { NoCopy: volume?.noCopy ?? false, Labels: volume?.labels ?? {} };
  return volume?.subpath === undefined ? options : { ...options, Subpath: volume.subpath };
}

function imageOptions(image: Mount['image']): Pick<MountRequest, 'ImageOptions'> {
  return image === undefined ? {} : { ImageOptions: { Subpath: image.subpath } };
}

function tmpfsOptions(tmpfs: Mount['tmpfs']): NonNullable<MountRequest['TmpfsOptions']> {
  return {
    ...(tmpfs?.size === undefined ? {} : { SizeBytes: tmpfs.size }),
    ...(tmpfs?.mode === undefined ? {} : { Mode: tmpfs.mode }),
  };
}
