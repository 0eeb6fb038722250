import { compareVersions } from '#api/versions.ts';
import type { ContainerConfig } from '#domain/container/config.ts';
import type { Image } from '#domain/image/image.ts';
import type { HistoryEntry } from '#domain/image/manifest.ts';
import { familiarName } from '#domain/image/reference.ts';

const never = '0001-01-01T00:00:00Z';

/** Seconds since 1970; 0 for an image that does not say when it was made. */
export function secondsOf(created: string | undefined): number {
  const milliseconds = Date.parse(created ?? '');
  return Number.isNaN(milliseconds) ? 0 : Math.floor(milliseconds / 1000);
}

/** Old clients expect all fields of a container's config. */
function configJson(config: ContainerConfig): object {
  return {
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
    Labels: null,
    ...config,
  };
}

/** GET /images/NAME/json. */
export function inspectImage(image: Image, version: string): object {
  const { config } = image;
  const history = config.history ?? [];
  return {
    Id: image.id,
    RepoTags: image.tags.map(familiarName),
    RepoDigests: image.repoDigests.map(familiarName),
    Parent: image.parent ?? '',
    Comment: history.at(-1)?.comment ?? '',
    Created: config.created ?? never,
    DockerVersion: config.docker_version ?? '',
    Author: config.author ?? '',
    Config: configJson(config.config ?? {}),
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    Size: image.size,
    ...virtualSize(image, version),
    GraphDriver: { Data: null, Name: 'overlay2' },
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: image.tags.length === 0 ? never : image.stored },
    Descriptor: undefined,
  };
}

export interface SummaryContext {
  version: string;
  /** Bytes that other images use too; -1 when nobody asked. */
  sharedSize: number;
  /** The tags to show; a filter may have left some out. */
  tags: string[];
}

/** An entry of GET /images/json. */
export function imageSummary(image: Image, { version, sharedSize, tags }: SummaryContext): object {
  const isOld = compareVersions(version, '1.43') < 0;
  const orNone = (names: string[], none: string): string[] => (isOld && names.length === 0 ? [none] : names);
  return {
    Containers: -1,
    Created: secondsOf(image.config.created),
    Id: image.id,
    Labels: image.config.config?.Labels ?? null,
    ParentId: image.parent ?? '',
    RepoDigests: orNone(image.repoDigests.map(familiarName), '<none>@<none>'),
    RepoTags: orNone(tags.map(familiarName), '<none>:<none>'),
    SharedSize: sharedSize,
    Size: image.size,
    ...virtualSize(image, version),
  };
}

function virtualSize(image: Image, version: string): object {
  return compareVersions(version, '1.44') < 0 ? { VirtualSize: image.size } : {};
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
