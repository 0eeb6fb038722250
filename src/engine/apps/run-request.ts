import { newId, shortId } from '#base/ids.ts';
import { notFound } from '#base/errors.ts';
import { replicasOf, type AppTarget, type ReplicaTarget } from '#domain/app/target.ts';
import type { ContainerConfig, HostConfig } from '#domain/container/config.ts';
import type { CreateContainer } from '#engine/contracts.ts';
import { containerRequest } from './container-request.ts';
import type { HealedApps } from './healing.ts';
import { composeLabels } from './observe.ts';
import type { AppParts } from './parts.ts';

type KnownApps = Pick<HealedApps, 'target' | 'record'>;

/** What a person wants to run once in an app, beside its replicas. */
export interface OneOff {
  service: string;
  /** Absent: the service's own. */
  command?: string[];
  /** NAME=VALUE, beside those of the service. */
  environment: string[];
  user?: string;
  workingDir?: string;
  tty: boolean;
  stdin: boolean;
  /** Take the container away when it has ended. */
  remove: boolean;
}

/**
 * The request for a container that runs a service once, without its ports and outside of its replicas.
 * @throws not-found `app-service-missing`
 */
export function runRequest(
  images: AppParts['images'],
  apps: KnownApps,
  { app, service }: { app: string; service: string },
  run: string,
): CreateContainer {
  const target = apps.target(app);
  const found = target?.services.find((one) => one.name === service);
  const replica = target === undefined ? undefined : firstReplica(target, service);
  if (found === undefined || replica === undefined)
    throw notFound('app-service-missing', `the app ${app} has no service '${service}' that is up`, {
      hint: 'bring the app up first: berth up',
    });
  const { revision = 1, folder = '', files = [] } = apps.record(app) ?? {};
  const request = containerRequest(images, { app, revision, folder, files }, found, replica);
  const hostConfig: HostConfig = { ...request.hostConfig, RestartPolicy: { Name: 'no' } };
  // Ports and probes belong to the replicas, as with docker compose run.
  delete hostConfig.PortBindings;
  delete request.probes;
  return {
    ...request,
    name: `${app}-${service}-run-${run}`,
    config: { ...request.config, Labels: { ...request.config.Labels, [composeLabels.oneOff]: 'True' } },
    hostConfig,
    identity: { ...request.identity, run },
  };
}

/** Makes the container of a one-off, not yet started, so that its streams can be attached to. @throws as runRequest */
export async function createOneOff(
  { containers, images }: Pick<AppParts, 'containers' | 'images'>,
  apps: KnownApps,
  app: string,
  wanted: OneOff,
): Promise<{ id: string; name: string }> {
  const request = runRequest(images, apps, { app, service: wanted.service }, shortId(newId()));
  const { id } = await containers.create({
    ...request,
    config: { ...request.config, ...settingsOf(request.config, wanted) },
    hostConfig: { ...request.hostConfig, AutoRemove: wanted.remove },
  });
  return { id, name: request.name ?? id };
}

function settingsOf({ Env }: ContainerConfig, wanted: OneOff): ContainerConfig {
  const { command, environment, user, workingDir, tty, stdin } = wanted;
  return {
    Env: [...(Env ?? []), ...environment],
    Tty: tty,
    OpenStdin: stdin,
    StdinOnce: stdin,
    AttachStdin: stdin,
    AttachStdout: true,
    AttachStderr: true,
    ...(command === undefined ? {} : { Cmd: command }),
    ...(user === undefined ? {} : { User: user }),
    ...(workingDir === undefined ? {} : { WorkingDir: workingDir }),
  };
}

/** Also of a service that has no replicas now. */
function firstReplica({ model }: AppTarget, name: string): ReplicaTarget | undefined {
  const service = model.services[name];
  return service === undefined ? undefined : replicasOf(model, service, 1)[0];
}
