import { compareVersions } from '#api/versions.ts';
import type { ContainerConfig } from '#domain/container/config.ts';
import type { Image } from '#domain/image/image.ts';
import { platformOf, type ManifestState } from '#domain/image/image-index.ts';
import type { Descriptor, HistoryEntry } from '#domain/image/manifest.ts';
import { familiarName } from '#domain/image/reference.ts';

const never = '0001-01-01T00:00:00Z';

/** Seconds since 1970; 0 for an image that does not say when it was made. */
function secondsOf(created: string | undefined): number {
  const milliseconds = Date.parse(created ?? '');
  return Number.isNaN(milliseconds) ? 0 : Math.floor(milliseconds / 1000);
}

/** What 1.50 and later show of an image's config: what the image has, without what only containers have. */
const imageConfig = {
  User: '',
  Env: null,
  Cmd: null,
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
};

/** Old clients expect all fields of a container's config. */
const containerConfig = {
  Hostname: '',
  Domainname: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Image: '',
};

function configJson(config: ContainerConfig, version: string): object {
  if (isBefore(version, '1.50')) return { ...containerConfig, ...imageConfig, ...config };
  const shown = Object.entries(config).filter(([name]) => !(name in containerConfig));
  return { ...imageConfig, ...Object.fromEntries(shown) };
}

function isBefore(version: string, other: string): boolean {
  return compareVersions(version, other) < 0;
}

/** What is told of an image beside its config. */
interface InspectContext {
  /** What the name stands for. */
  descriptor?: Descriptor | undefined;
  /** `manifestJson` of each entry of the index. */
  manifests?: object[] | undefined;
}

/** GET /images/NAME/json. */
export function inspectImage(
  image: Image,
  version: string,
  { descriptor, manifests }: InspectContext = {},
): object {
  const { config } = image;
  const history = config.history ?? [];
  return {
    Id: image.id,
    RepoTags: image.tags.map(familiarName),
    RepoDigests: image.repoDigests.map(familiarName),
    Parent: image.parent ?? '',
    Comment: history.at(-1)?.comment ?? '',
    ...createdJson(config.created, version),
    ...(isBefore(version, '1.45') && { Container: '', ContainerConfig: configJson({}, version) }),
    DockerVersion: config.docker_version ?? '',
    Author: config.author ?? '',
    Config: configJson(config.config ?? {}, version),
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    Size: image.size,
    ...virtualSize(image.size, version),
    GraphDriver: { Data: null, Name: 'overlay2' },
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: image.tags.length === 0 ? never : image.stored },
    ...(descriptor !== undefined && { Descriptor: descriptor }),
    ...(manifests !== undefined && { Manifests: manifests }),
  };
}

function createdJson(created: string | undefined, version: string): object {
  if (created !== undefined) return { Created: created };
  return isBefore(version, '1.44') ? { Created: never } : {};
}

/** ImageManifestSummary. @param users ids of the containers that were made from it */
export function manifestJson(state: ManifestState, users: readonly string[]): object {
  const { descriptor, kind, isHere, content, image, subject } = state;
  const unpacked = image?.size ?? 0;
  return {
    ID: descriptor.digest,
    Descriptor: descriptor,
    Available: isHere,
    Size: { Content: content, Total: content + unpacked },
    Kind: kind,
    ...(kind === 'image' && {
      ImageData: {
        Platform: descriptor.platform ?? (image && platformOf(image.config)),
        Containers: users,
        Size: { Unpacked: unpacked },
      },
    }),
    ...(subject !== undefined && { AttestationData: { For: subject } }),
  };
}

export interface SummaryContext {
  version: string;
  /** Bytes of all platforms. */
  size: number;
  /** Bytes that other images use too; -1 when nobody asked. */
  sharedSize: number;
  /** The tags to show; a filter may have left some out. */
  tags: string[];
  /** Ids of the containers that were made from it. */
  users: readonly string[];
  /** What its names stand for and `manifestJson` of all entries, when they were asked for. */
  manifests: { descriptor: Descriptor; all: object[] } | undefined;
}

/** An entry of GET /images/json. */
export function imageSummary(image: Image, context: SummaryContext): object {
  const { version, size, sharedSize, tags, users, manifests } = context;
  const isOld = isBefore(version, '1.43');
  const orNone = (names: string[], none: string): string[] => (isOld && names.length === 0 ? [none] : names);
  return {
    Containers: isBefore(version, '1.51') ? -1 : users.length,
    Created: secondsOf(image.config.created),
    Id: image.id,
    Labels: image.config.config?.Labels ?? null,
    ParentId: image.parent ?? '',
    RepoDigests: orNone(image.repoDigests.map(familiarName), '<none>@<none>'),
    RepoTags: orNone(tags.map(familiarName), '<none>:<none>'),
    SharedSize: sharedSize,
    Size: size,
    ...virtualSize(size, version),
    ...(manifests !== undefined && { Descriptor: manifests.descriptor, Manifests: manifests.all }),
  };
}

function virtualSize(size: number, version: string): object {
  return isBefore(version, '1.44') ? { VirtualSize: size } : {};
}

/**
 * GET /images/NAME/history; `steps` from the top down. `ancestors` are the images that the classic builder
 * made on the way, the nearest first: each is named at its step.
 */
export function historyJson(
  image: Image,
  ancestors: Image[],
  steps: { entry: HistoryEntry; size: number }[],
): object[] {
  const line = [image, ...ancestors];
  return steps.map(({ entry, size }, i) => ({
    Comment: entry.comment ?? '',
    Created: secondsOf(entry.created),
    CreatedBy: entry.created_by ?? '',
    Id: line[i]?.id ?? '<missing>',
    Size: size,
    Tags: tagsOrNull(line[i]),
  }));
}

function tagsOrNull(image: Image | undefined): string[] | null {
  return image === undefined || image.tags.length === 0 ? null : image.tags.map(familiarName);
}
