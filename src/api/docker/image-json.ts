import { compareVersions } from '#api/versions.ts';
import type { ContainerConfig } from '#domain/container/config.ts';
import type { Image } from '#domain/image/image.ts';
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
  return isBefore(version, '1.50')
    ? { ...containerConfig, ...imageConfig, ...config }
    : { ...imageConfig, ...config };
}

function isBefore(version: string, other: string): boolean {
  return compareVersions(version, other) < 0;
}

/** GET /images/NAME/json. With `descriptor` its manifest is shown, as the only one of the image. */
export function inspectImage(image: Image, version: string, descriptor?: Descriptor): object {
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
    ...virtualSize(image, version),
    GraphDriver: { Data: null, Name: 'overlay2' },
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: image.tags.length === 0 ? never : image.stored },
    ...(descriptor !== undefined && { Manifests: [manifestJson(image, descriptor, [])] }),
  };
}

function createdJson(created: string | undefined, version: string): object {
  if (created !== undefined) return { Created: created };
  return isBefore(version, '1.44') ? { Created: never } : {};
}

/** ImageManifestSummary. @param users ids of the containers that were made from it */
export function manifestJson(image: Image, descriptor: Descriptor, users: readonly string[]): object {
  const content = image.layers.reduce((sum, layer) => sum + layer.size, descriptor.size);
  const { platform } = descriptor;
  return {
    ID: descriptor.digest,
    Descriptor: descriptor,
    Available: true,
    Size: { Content: content, Total: content + image.size },
    Kind: 'image',
    ImageData: { Platform: platform, Containers: users, Size: { Unpacked: image.size } },
  };
}

export interface SummaryContext {
  version: string;
  /** Bytes that other images use too; -1 when nobody asked. */
  sharedSize: number;
  /** The tags to show; a filter may have left some out. */
  tags: string[];
  /** Ids of the containers that were made from it. */
  users: readonly string[];
  /** Its manifest, when it was asked for. */
  descriptor: Descriptor | undefined;
}

/** An entry of GET /images/json. */
export function imageSummary(image: Image, context: SummaryContext): object {
  const { version, sharedSize, tags, users, descriptor } = context;
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
    Size: image.size,
    ...virtualSize(image, version),
    ...(descriptor !== undefined && { Manifests: [manifestJson(image, descriptor, users)] }),
  };
}

function virtualSize(image: Image, version: string): object {
  return isBefore(version, '1.44') ? { VirtualSize: image.size } : {};
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
