import type { ContainerConfig, HostConfig, MountRequest } from '#domain/container/config.ts';
import type { MountPoint } from '#domain/container/container.ts';
import { invalid } from '#base/errors.ts';
import { cleanPath } from '#domain/container/paths.ts';
import {
  checkAbsolute,
  declaredDestination,
  destination,
  fromBind,
  refused,
  refusedMount,
  tmpfsDestination,
} from '#domain/container/mount-places.ts';
import { checkTmpfsOptions } from '#domain/container/tmpfs.ts';

/** A mount as asked for. What it still needs from the world: a volume, or a host path that exists. */
export interface MountDraft {
  point: MountPoint;
  /** The volume to use or make; without a name an anonymous one. */
  volume?: {
    name?: string;
    driver?: string;
    options: Record<string, string>;
    labels: Record<string, string>;
  };
  /** For a bind whose source does not exist: -v makes a folder, --mount refuses. */
  missingSource: 'create' | 'refuse';
}

const propagations = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];
const bindModes = new Set([
  ...propagations,
  'ro',
  'rw',
  'z',
  'Z',
  'nocopy',
  'cached',
  'delegated',
  'consistent',
  'bind',
  'rbind',
]);

/**
 * The mounts of Binds, Mounts and Volumes (in this order of precedence), not those of VolumesFrom.
 * @param inherited mounts of VolumesFrom: a volume that only the image or `-v /path` names gives way to them
 * @throws invalid `mount-invalid`, `mount-duplicate`, with Docker's words
 */
export function requestedMounts(
  config: ContainerConfig,
  host: HostConfig,
  inherited: MountPoint[],
): MountDraft[] {
  const asked = [
    ...(host.Binds ?? []).map((bind) => parseBind(bind, host.VolumeDriver)),
    ...(host.Mounts ?? []).map(parseMount),
  ];
  const tmpfs = Object.entries(host.Tmpfs ?? {}).map(([path, options]) => tmpfsDestination(path, options));
  refuseDuplicates([...tmpfs, ...asked.map((draft) => draft.point.destination)]);
  const taken = new Set([
    ...asked.map((draft) => draft.point.destination),
    ...inherited.map((point) => point.destination),
    ...tmpfs,
  ]);
  const declared = Object.keys(config.Volumes ?? {}).map(declaredDestination);
  const anonymous = [...new Set(declared)].filter((path) => !taken.has(path));
  return [...asked, ...anonymous.map((path) => volumeDraft(path, undefined, '', host.VolumeDriver))];
}

function refuseDuplicates(destinations: string[]): void {
  const seen = new Set<string>();
  for (const path of destinations) {
    if (seen.has(path)) throw invalid('mount-duplicate', `Duplicate mount point: ${path}`);
    seen.add(path);
  }
}

function parseBind(text: string, driver: string | undefined): MountDraft {
  const parts = text.split(':');
  if (parts.length > 3 || parts.some((part) => part === ''))
    throw refused(`invalid volume specification: '${text}'`);
  const [source = '', target, mode = ''] = parts;
  checkMode(mode);
  if (target === undefined) return volumeDraft(fromBind(source, text, 'volume'), undefined, '', driver);
  const path = fromBind(target, text, source.startsWith('/') ? 'bind' : 'volume');
  if (!source.startsWith('/')) return volumeDraft(path, volumeName(source), mode, driver);
  const options = mode.split(',');
  const propagation = options.find((option) => propagations.includes(option)) ?? 'rprivate';
  return {
    missingSource: 'create',
    point: {
      type: 'bind',
      source: cleanPath(source),
      destination: path,
      mode,
      readWrite: !options.includes('ro'),
      propagation,
    },
  };
}

function checkMode(mode: string): void {
  const options = mode === '' ? [] : mode.split(',');
  const unique = new Set(options);
  if (
    options.some((option) => !bindModes.has(option)) ||
    unique.size < options.length ||
    (unique.has('ro') && unique.has('rw'))
  )
    throw refused(`invalid mode: ${mode}`);
}

function volumeDraft(
  path: string,
  name: string | undefined,
  mode: string,
  driver: string | undefined,
): MountDraft {
  const options = mode.split(',');
  return {
    missingSource: 'create',
    volume: {
      ...(name === undefined ? {} : { name }),
      ...(driver ? { driver } : {}),
      options: {},
      labels: {},
    },
    point: {
      type: 'volume',
      source: '',
      destination: path,
      mode: mode === '' && name !== undefined ? 'z' : mode,
      readWrite: !options.includes('ro'),
      propagation: '',
      driver: driver || 'local',
      anonymous: name === undefined,
      copyUp: !options.includes('nocopy'),
    },
  };
}

function volumeName(name: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) return name;
  throw refused(
    `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
  );
}

function parseMount(mount: MountRequest): MountDraft {
  const type: string = mount.Type ?? '';
  const path = destination(mount.Target ?? '', type);
  const readWrite = mount.ReadOnly !== true;
  switch (mount.Type) {
    case 'bind':
      return bindMount(mount, path, readWrite);
    case 'volume':
      return volumeMount(mount, path, readWrite);
    case 'tmpfs':
      return tmpfsMount(mount, path, readWrite);
    case 'image':
      return imageMount(mount, path);
    default:
      throw refusedMount(type, 'mount type unknown');
  }
}

function bindMount(mount: MountRequest, path: string, readWrite: boolean): MountDraft {
  const source = mount.Source ?? '';
  if (source === '') throw refusedMount('bind', 'field Source must not be empty');
  const propagation = mount.BindOptions?.Propagation || 'rprivate';
  if (!propagations.includes(propagation))
    throw refusedMount('bind', `invalid propagation mode: ${propagation}`);
  if (mount.VolumeOptions !== undefined)
    throw refusedMount('bind', 'field VolumeOptions must not be specified');
  checkAbsolute(source, 'bind');
  return {
    missingSource: mount.BindOptions?.CreateMountpoint === true ? 'create' : 'refuse',
    point: {
      type: 'bind',
      source: cleanPath(source),
      destination: path,
      mode: '',
      readWrite,
      propagation,
      ...(mount.BindOptions?.NonRecursive === true ? { nonRecursive: true } : {}),
      ...(mount.BindOptions?.ReadOnlyNonRecursive === true ? { readOnlyNonRecursive: true } : {}),
    },
  };
}

/** An image can only be read (moby, daemon/volumes.go). */
function imageMount(mount: MountRequest, path: string): MountDraft {
  const source = mount.Source ?? '';
  if (source === '') throw refusedMount('image', 'field Source must not be empty');
  const subpath = localPath(mount.ImageOptions?.Subpath);
  return {
    missingSource: 'refuse',
    point: {
      type: 'image',
      source,
      destination: path,
      mode: '',
      readWrite: false,
      propagation: '',
      ...subpath,
    },
  };
}

/** A path that stays inside, as Go's filepath.IsLocal. */
function localPath(subpath: string | undefined): { subpath?: string } {
  if (!subpath) return {};
  let depth = 0;
  const parts = subpath.split('/').filter((part) => part !== '' && part !== '.');
  const leaves = parts.some((part) => (depth += part === '..' ? -1 : 1) < 0);
  if (subpath.startsWith('/') || leaves)
    throw refused(`subpath '${subpath}' must be a relative path within the volume`);
  return { subpath };
}

function volumeMount(mount: MountRequest, path: string, readWrite: boolean): MountDraft {
  const options = mount.VolumeOptions;
  if (!mount.Source && options?.Subpath)
    throw refusedMount('volume', 'must not set Subpath when using anonymous volumes');
  if (!mount.Source && !readWrite)
    throw refusedMount('volume', 'must not set ReadOnly mode when using anonymous volumes');
  const draft = volumeDraft(
    path,
    mount.Source ? volumeName(mount.Source) : undefined,
    '',
    options?.DriverConfig?.Name,
  );
  return {
    ...draft,
    volume: {
      ...draft.volume,
      options: { ...options?.DriverConfig?.Options },
      labels: { ...options?.Labels },
    },
    point: {
      ...draft.point,
      mode: 'z',
      readWrite,
      // What the image has at the place belongs to the whole volume, not to a part of it.
      copyUp: options?.NoCopy !== true && !options?.Subpath,
      ...localPath(options?.Subpath),
    },
  };
}

function tmpfsMount(mount: MountRequest, path: string, readWrite: boolean): MountDraft {
  if (mount.Source) throw refusedMount('tmpfs', 'field Source must not be specified');
  const size = mount.TmpfsOptions?.SizeBytes;
  const mode = mount.TmpfsOptions?.Mode;
  const options = [
    ...(readWrite ? [] : ['ro']),
    ...(size ? [`size=${size}`] : []),
    ...(mode ? [`mode=${mode.toString(8)}`] : []),
    ...(mount.TmpfsOptions?.Options ?? []).map((option) => option.join('=')),
  ].join(',');
  checkTmpfsOptions(options);
  return {
    missingSource: 'refuse',
    point: { type: 'tmpfs', source: '', destination: path, mode: '', readWrite, propagation: '', options },
  };
}

/** `container[:ro|rw]` of VolumesFrom. @throws invalid `mount-invalid` */
export function parseVolumesFrom(text: string): { container: string; mode: string } {
  const [container = '', mode = ''] = text.split(':');
  if (container === '') throw refused('malformed volumes-from specification: ' + text);
  checkMode(mode);
  return { container, mode };
}

/** A mount of another container, taken over with the mode that VolumesFrom asks for. */
export function inheritedMount(point: MountPoint, mode: string): MountPoint {
  const readWrite = mode === '' ? point.readWrite : point.readWrite && !mode.split(',').includes('ro');
  return { ...point, mode, readWrite, copyUp: false, anonymous: false };
}
