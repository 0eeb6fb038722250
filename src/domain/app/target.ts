import type { ContainerConfig, EndpointRequest, HostConfig } from '#domain/container/config.ts';
import type { GrantedFile } from '#domain/container/granted-file.ts';
import { annotationsOf } from '#domain/container/own-cpus.ts';
import type { Probes } from '#domain/container/probe.ts';
import { delayAnnotationOf } from '#domain/container/restart.ts';
import { hashOf } from './canonical.ts';
import type { AppModel, AppNetwork, AppVolume, Build, Dependency, PullPolicy, Service } from './model.ts';
import { grantedFiles, grantMounts } from './file-grants.ts';
import { dependencyOrder } from './order.ts';
import { exposedBy, publishedPorts, readMountRequests } from './host-request.ts';
import { isReached, reachOf, type ServiceReach } from './reach.ts';
import { conflict } from '#base/errors.ts';
import { settingsOf, type Settings } from './settings.ts';
import { updatePolicy, type UpdatePolicy } from './update.ts';

/** What this engine is to hold for an app. */
export interface AppTarget {
  app: string;
  /** What it was made from; with it the target can be changed without the compose files. */
  model: AppModel;
  networks: NetworkTarget[];
  volumes: VolumeTarget[];
  /** Each after those that it depends on. */
  services: ServiceTarget[];
}

export interface NetworkTarget extends AppNetwork {
  key: string;
  hash: string;
}

export interface VolumeTarget extends AppVolume {
  key: string;
  hash: string;
}

export interface ServiceTarget {
  name: string;
  image: string;
  /** The very image, whatever its name stands for by now; undefined until it has been pulled or built. */
  imageId?: string;
  pullPolicy: PullPolicy;
  platform?: string;
  build?: Build;
  /** Of the build's context and settings; '' without a build. */
  buildFingerprint: string;
  dependsOn: Dependency[];
  /** Services whose namespaces it joins: it must be made anew when they are. */
  joins: string[];
  /** Whose health check holds: the compose file's own, none (it is switched off), or the image's, if it has one. */
  probe: 'own' | 'off' | 'image';
  /** Of `settings`; a container with another hash is out of date. */
  hash: string;
  settings: Settings;
  update: UpdatePolicy;
  /** How others reach it; undefined for one that has no network of its own. */
  reach?: ServiceReach & { hash: string };
  replicas: ReplicaTarget[];
}

export interface ReplicaTarget {
  /** From 1. */
  replica: number;
  name: string;
  request: ContainerRequest;
  /** Of a canary: what it is instead of what the service is. */
  canary?: { hash: string; image: string; imageId?: string };
}

/** A create request but for the app's identity and its labels. */
export interface ContainerRequest {
  platform?: string;
  config: ContainerConfig;
  hostConfig: HostConfig;
  endpoints: Record<string, EndpointRequest>;
  probes?: Probes;
  granted?: GrantedFile[];
}

/** `contexts`: for each service with a build, a text that changes when its context does. */
export function appTarget(model: AppModel, contexts: Readonly<Record<string, string>>): AppTarget {
  const needs = Object.fromEntries(
    Object.values(model.services).map((one) => [
      one.name,
      [...one.dependsOn.map((on) => on.service), ...joinsOf(one)],
    ]),
  );
  const result = dependencyOrder(needs);
  if ('cycle' in result)
    throw conflict(
      'app-dependency-cycle',
      `services depend on each other in a circle: ${result.cycle.join(' -> ')}`,
    );
  return {
    app: model.name,
    model,
    networks: Object.entries(model.networks).map(([key, one]) => ({ ...one, key, hash: hashOf(one) })),
    volumes: Object.entries(model.volumes).map(([key, one]) => ({ ...one, key, hash: hashOf(one) })),
    services: result.order.flatMap((name) => {
      const service = model.services[name];
      return service === undefined ? [] : [serviceTarget(model, service, contexts[name] ?? '')];
    }),
  };
}

function serviceTarget(model: AppModel, service: Service, context: string): ServiceTarget {
  const settings = settingsOf(model, service);
  const joins = joinsOf(service);
  const reach = reachOf(model, service);
  return {
    name: service.name,
    image: service.image ?? '',
    pullPolicy: service.pullPolicy,
    ...(service.platform === undefined ? {} : { platform: service.platform }),
    ...(service.build === undefined ? {} : { build: service.build }),
    buildFingerprint: service.build === undefined ? '' : buildFingerprintOf(service.build, context),
    dependsOn: service.dependsOn,
    joins,
    probe: probeOf(service),
    hash: hashOf(settings),
    settings,
    ...(reach === undefined ? {} : { reach: { ...reach, hash: hashOf(reach) } }),
    update: updatePolicy(model, service, 'update'),
    replicas: replicasOf(model, service, service.schedule === undefined ? service.replicas : 0),
  };
}

/** @param context a text that changes when the build's context does */
export function buildFingerprintOf(build: Build, context: string): string {
  return hashOf([build, context]);
}

export function replicasOf(model: AppModel, service: Service, count: number): ReplicaTarget[] {
  return Array.from({ length: count }, (_, index) => ({
    replica: index + 1,
    name: service.containerName ?? containerName(model.name, service.name, index + 1),
    request: containerRequest(model, service, index),
  }));
}

function containerName(app: string, service: string, replica: number): string {
  return `${app}-${service}-${replica}`;
}

function probeOf(service: Service): ServiceTarget['probe'] {
  if (service.probes !== undefined) return 'own';
  const test = service.container.Healthcheck?.Test;
  if (test === undefined || test.length === 0) return 'image';
  return test[0] === 'NONE' ? 'off' : 'own';
}

const joinFields = ['IpcMode', 'PidMode'] as const;

function joinsOf(service: Service): string[] {
  const modes = [service.networkMode, ...joinFields.map((field) => service.host[field])];
  return [
    ...new Set(modes.flatMap((mode) => (mode?.startsWith('service:') === true ? [mode.slice(8)] : []))),
  ];
}

/** `service:NAME` as the engine says it: `container:` and the first replica's name. */
function joined(model: AppModel, mode: string): string {
  if (!mode.startsWith('service:')) return mode;
  const other = model.services[mode.slice(8)];
  return `container:${other?.containerName ?? containerName(model.name, mode.slice(8), 1)}`;
}

function containerRequest(model: AppModel, service: Service, index: number): ContainerRequest {
  // The ports of a service that is reached as a whole are its own, not its containers'.
  const bindings = isReached(service) ? {} : publishedPorts(service.ports, index);
  const wanted = [...service.mounts, ...grantMounts(model, service)];
  const mounts = readMountRequests(wanted, (key) => model.volumes[key]?.name ?? key);
  const host: HostConfig = { ...service.host, ...mounts.host };
  for (const field of joinFields) {
    const mode = host[field];
    if (mode !== undefined) host[field] = joined(model, mode);
  }
  host.NetworkMode = networkMode(model, service);
  const annotations = annotationsFor(service);
  if (annotations !== undefined) host.Annotations = annotations;
  if (service.volumesFrom !== undefined)
    host.VolumesFrom = service.volumesFrom.map((source) => volumesFrom(model, source));
  if (Object.keys(bindings).length > 0) host.PortBindings = bindings;
  const exposed = { ...service.container.ExposedPorts, ...exposedBy(service.ports) };
  const granted = grantedFiles(model, service);
  const config: ContainerConfig = { ...service.container, Image: service.image ?? '' };
  if (Object.keys(exposed).length > 0) config.ExposedPorts = exposed;
  if (Object.keys(mounts.anonymous).length > 0) config.Volumes = mounts.anonymous;
  if (service.probes !== undefined) config.Healthcheck = { Test: ['NONE'] };
  return {
    config,
    hostConfig: host,
    endpoints: endpointsOf(model, service),
    ...(service.platform === undefined ? {} : { platform: service.platform }),
    ...(service.probes === undefined ? {} : { probes: service.probes }),
    ...(granted.length === 0 ? {} : { granted }),
  };
}

/** Its own, and those by which it asks for what Docker's API has no field for. */
function annotationsFor({ host, cpus, deploy }: Service): HostConfig['Annotations'] | undefined {
  const delay = deploy?.restart?.delay;
  if (cpus === undefined && delay === undefined) return host.Annotations;
  return {
    ...host.Annotations,
    ...(cpus === undefined ? {} : annotationsOf(cpus)),
    ...(delay === undefined ? {} : delayAnnotationOf(delay)),
  };
}

/** SERVICE[:MODE] as the engine says it: the name of its first replica; `container:` is dropped. */
function volumesFrom(model: AppModel, source: string): string {
  if (source.startsWith('container:')) return source.slice('container:'.length);
  const [name = '', ...mode] = source.split(':');
  const container = model.services[name]?.containerName ?? containerName(model.name, name, 1);
  return [container, ...mode].join(':');
}

function networkMode(model: AppModel, service: Service): string {
  if (service.networkMode !== undefined) return joined(model, service.networkMode);
  const first = service.networks[0]?.network;
  return first === undefined ? 'none' : (model.networks[first]?.name ?? first);
}

function endpointsOf(model: AppModel, service: Service): Record<string, EndpointRequest> {
  return Object.fromEntries(
    service.networks.map((one) => {
      const own = one.withoutServiceName === true ? [] : [service.name];
      const request: EndpointRequest = { Aliases: [...new Set([...own, ...one.aliases])] };
      if (service.links !== undefined) request.Links = service.links;
      const ipam = {
        ...(one.ipv4 === undefined ? {} : { IPv4Address: one.ipv4 }),
        ...(one.ipv6 === undefined ? {} : { IPv6Address: one.ipv6 }),
        ...(one.linkLocal.length === 0 ? {} : { LinkLocalIPs: one.linkLocal }),
      };
      if (Object.keys(ipam).length > 0) request.IPAMConfig = ipam;
      if (one.mac !== undefined) request.MacAddress = one.mac;
      if (Object.keys(one.driverOpts).length > 0) request.DriverOpts = one.driverOpts;
      if (one.gatewayPriority !== undefined) request.GwPriority = one.gatewayPriority;
      return [model.networks[one.network]?.name ?? one.network, request];
    }),
  );
}
