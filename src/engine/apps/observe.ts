import type { ObservedApp, ObservedContainer } from '#domain/app/observed.ts';
import { madeOf } from '#domain/app/pinned.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type { Image } from '#domain/image/image.ts';
import type { Container } from '#domain/container/container.ts';
import type { AppParts, AppRecord } from './parts.ts';

/** Docker Compose's labels, so that other tools show an app as one. */
export const composeLabels = {
  project: 'com.docker.compose.project',
  service: 'com.docker.compose.service',
  number: 'com.docker.compose.container-number',
  oneOff: 'com.docker.compose.oneoff',
  hash: 'com.docker.compose.config-hash',
  folder: 'com.docker.compose.project.working_dir',
  files: 'com.docker.compose.project.config_files',
  network: 'com.docker.compose.network',
  volume: 'com.docker.compose.volume',
} as const;

/** What is there of an app now. Images are looked up for those that the target names. */
export function observe(
  parts: AppParts,
  app: string,
  record: AppRecord | undefined,
  target: AppTarget | undefined,
  fresh: ReadonlySet<string>,
): ObservedApp {
  const services = target?.services ?? [];
  const images = services.map(
    ({ image, imageId, platform }) => [image, found(parts, image, imageId, platform)] as const,
  );
  const made = services.flatMap((one) => [one, ...one.replicas.map((replica) => madeOf(one, replica))]);
  const pins = new Set(made.flatMap(({ imageId }) => imageId ?? []));
  return {
    containers: (target === undefined ? containersOf : replicasOfApp)(parts, app).map((one) =>
      observedContainer(parts, one),
    ),
    networks: parts.networks.list().map(observedShared),
    volumes: parts.volumes.list().map(observedShared),
    images: Object.fromEntries(images.map(([name, image]) => [name, image?.id])),
    imageIds: new Set([...pins].filter((id) => parts.images.find(id) !== undefined)),
    probedImages: new Set(images.flatMap(([name, image]) => (isProbed(image) ? [name] : []))),
    fresh,
    reaches: Object.fromEntries(parts.places.list(app).map((one) => [one.service, one.settings.hash])),
    last: record?.services ?? {},
  };
}

function found(
  { images }: Pick<AppParts, 'images'>,
  name: string,
  id: string | undefined,
  platform: string | undefined,
): Image | undefined {
  return id === undefined ? images.find(name, platform) : images.find(id);
}

function isProbed(image: Image | undefined): boolean {
  const test = image?.config.config?.Healthcheck?.Test ?? [];
  return test.length > 0 && test[0] !== 'NONE';
}

export function containersOf(parts: Pick<AppParts, 'containers'>, app: string): Container[] {
  return parts.containers.list().filter((one) => one.identity?.app === app);
}

/** Without what runs once beside the replicas. */
export function replicasOfApp(parts: Pick<AppParts, 'containers'>, app: string): Container[] {
  return containersOf(parts, app).filter((one) => one.identity?.run === undefined);
}

function observedContainer(parts: AppParts, container: Container): ObservedContainer {
  const { state, identity } = container;
  const policy = container.hostConfig.RestartPolicy?.Name ?? 'no';
  const ended = state.status === 'exited' && state.exitCode === 0 && !state.stoppedByUser;
  return {
    id: container.id,
    name: container.name,
    service: identity?.service ?? '',
    replica: identity?.replica ?? 0,
    hash: container.config.Labels?.[composeLabels.hash] ?? '',
    imageId: container.imageId,
    created: container.created,
    status: state.status,
    health: state.health?.status ?? 'none',
    completed: ended && policy !== 'always' && policy !== 'unless-stopped',
    anonymousVolumes: anonymousVolumes(parts, container).map(({ name }) => name),
    ...(container.traffic === undefined ? {} : { traffic: container.traffic }),
  };
}

/** Volumes that nobody named, with their places: of `VOLUME` in the image, or a mount without a source. */
export function anonymousVolumes(
  parts: Pick<AppParts, 'volumes'>,
  container: Container,
): { name: string; destination: string }[] {
  return container.mounts.flatMap(({ name, destination }) => {
    const isAnonymous = name !== undefined && parts.volumes.find(name)?.anonymous === true;
    return isAnonymous ? [{ name, destination }] : [];
  });
}

function observedShared(one: { name: string; app?: string; labels: Record<string, string> }): {
  name: string;
  app?: string;
  hash: string;
} {
  const base = { name: one.name, hash: one.labels[composeLabels.hash] ?? '' };
  return one.app === undefined ? base : { ...base, app: one.app };
}
