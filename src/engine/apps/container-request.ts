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

/** The request that makes a service's container, with the app's identity and Docker Compose's labels. */
export function containerRequest(
  images: Pick<Images, 'find'>,
  { app, revision, folder, files }: Origin,
  service: ServiceTarget,
  { replica, name, request }: ReplicaTarget,
): CreateContainer & { identity: AppIdentity } {
  const { config, hostConfig, endpoints, platform, probes, granted } = request;
  const labels = {
    ...config.Labels,
    [composeLabels.project]: app,
    [composeLabels.hash]: service.hash,
    [composeLabels.service]: service.name,
    [composeLabels.number]: String(replica),
    [composeLabels.oneOff]: 'False',
    [composeLabels.folder]: folder,
    [composeLabels.files]: files.join(','),
  };
  return {
    name,
    config: { ...config, Labels: labels, Image: imageOf(images, service) },
    hostConfig,
    endpoints,
    identity: { app, service: service.name, revision, replica },
    ...(platform === undefined ? {} : { platform }),
    ...(probes === undefined ? {} : { probes }),
    ...(granted === undefined ? {} : { granted }),
  };
}

/** By its name, as long as that stands for the very image that is wanted. */
function imageOf(images: Pick<Images, 'find'>, { image, imageId }: ServiceTarget): string {
  return imageId === undefined || images.find(image)?.id === imageId ? image : imageId;
}
