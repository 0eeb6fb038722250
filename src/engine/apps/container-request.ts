import { madeOf } from '#domain/app/pinned.ts';
import type { AppIdentity } from '#domain/container/container.ts';
import type { ReplicaTarget, ServiceTarget } from '#domain/app/target.ts';
import type { CreateContainer, Images } from '#engine/contracts.ts';
import { composeLabels } from './observe.ts';

/** Of which app a container is to be, and from which files that came. */
export interface Origin {
  app: string;
  revision: number;
  folder: string;
  files: string[];
}

/** The request that makes a replica's container, with the app's identity and Docker Compose's labels. */
export function containerRequest(
  images: Pick<Images, 'find'>,
  { app, revision, folder, files }: Origin,
  service: ServiceTarget,
  replica: ReplicaTarget,
): CreateContainer & { identity: AppIdentity } {
  const { config, hostConfig, endpoints, platform, probes, granted } = replica.request;
  const made = madeOf(service, replica);
  const labels = {
    ...config.Labels,
    [composeLabels.project]: app,
    [composeLabels.hash]: made.hash,
    [composeLabels.service]: service.name,
    [composeLabels.number]: String(replica.replica),
    [composeLabels.oneOff]: 'False',
    [composeLabels.folder]: folder,
    [composeLabels.files]: files.join(','),
  };
  return {
    name: replica.name,
    config: { ...config, Labels: labels, Image: imageOf(images, made, platform) },
    hostConfig,
    endpoints,
    identity: { app, service: service.name, revision, replica: replica.replica },
    ...(platform === undefined ? {} : { platform }),
    ...(probes === undefined ? {} : { probes }),
    ...(granted === undefined ? {} : { granted }),
  };
}

/** By its name, as long as that stands for the very image that is wanted. */
function imageOf(
  images: Pick<Images, 'find'>,
  { image, imageId }: ReturnType<typeof madeOf>,
  platform: string | undefined,
): string {
  return imageId === undefined || images.find(image, platform)?.id === imageId ? image : imageId;
}
