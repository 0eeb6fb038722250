import type { AppConfig, AppSecret, PullPolicy, Service, ServiceNetwork } from '#domain/app/model.ts';
import { normalize } from './paths.ts';
import { readBuild } from './read-build.ts';
import { readContainer, readHost } from './read-container.ts';
import { readDependencies, readLinks } from './read-dependencies.ts';
import { readDeploy } from './read-deploy.ts';
import { readGrants } from './read-files.ts';
import { readHooks, readWatch } from './read-hooks.ts';
import { readMounts } from './read-mounts.ts';
import { readIngress } from './read-ingress.ts';
import { readPorts } from './read-ports.ts';
import { checkAutoscale } from './read-x-berth-autoscale.ts';
import { readServiceExtension } from './read-x-berth.ts';
import { compact, type Reader } from './reader.ts';

export interface ServiceContext {
  app: string;
  /** Makes a path absolute; `at` is the value that holds it. */
  resolve: (path: string, at: Reader) => string;
  services: ReadonlySet<string>;
  documents: (path: string, at: Reader) => Reader[];
  networks: ReadonlySet<string>;
  volumes: ReadonlySet<string>;
  secrets: Readonly<Record<string, AppSecret>>;
  configs: Readonly<Record<string, AppConfig>>;
  /** The variables of the service, env_file and environment together. */
  environment: (service: Reader) => Record<string, string>;
  /** Its labels, label_file and labels together. */
  labels: (service: Reader) => Record<string, string>;
}

export function readService(name: string, service: Reader, context: ServiceContext): Service {
  const build = readBuild(service.at('build'), service.at('platform').text(), context);
  const image = service.at('image').text();
  if (image === undefined && build === undefined)
    service.complain('compose-missing-key', "the service has neither 'image' nor 'build'");
  refuse(service);
  const replicas = readReplicas(service);
  const container = readContainer(service);
  const environment = Object.entries(context.environment(service)).map(([key, value]) => `${key}=${value}`);
  if (environment.length > 0) container.Env = environment;
  const labels = context.labels(service);
  if (Object.keys(labels).length > 0) container.Labels = labels;
  const networkMode = service.at('network_mode').text();
  const read = compact<Service>({
    name,
    image: image ?? (build === undefined ? undefined : `${context.app}-${name}`),
    build,
    pullPolicy: readPullPolicy(service.at('pull_policy')),
    replicas,
    containerName: service.at('container_name').text(),
    platform: service.at('platform').text(),
    dependsOn: readDependencies(service),
    networks:
      networkMode === undefined
        ? readNetworks(service.at('networks'), context.networks)
        : conflicting(service),
    networkMode: networkMode === 'default' || networkMode === 'bridge' ? 'bridge' : networkMode,
    links: readLinks(service),
    volumesFrom: readVolumesFrom(service.at('volumes_from')),
    ports: readPorts(service.at('ports')),
    mounts: readVolumes(service, context),
    secrets: readGrants(service.at('secrets'), context.secrets, '/run/secrets'),
    configs: readGrants(service.at('configs'), context.configs, '/'),
    deploy: readDeploy(service.at('deploy'), replicas),
    postStart: readHooks(service.at('post_start')),
    preStop: readHooks(service.at('pre_stop')),
    watch: readWatch(service.at('develop').at('watch'), context),
    stopGrace: container.StopTimeout,
    container,
    host: readHost(service),
    ...readServiceExtension(service, context),
  });
  const whole = { ...read, ...readIngress(read, service) };
  checkAutoscale(whole, service);
  return whole;
}

/** What Berth cannot do. */
function refuse(service: Reader): void {
  if (service.at('provider').present)
    service
      .at('provider')
      .complain(
        'compose-unsupported',
        `the provider '${service.at('provider').at('type').text() ?? ''}' is a program of Docker Compose: Berth calls none`,
        'run what it provides as a service, or beside Berth',
      );
  if (service.at('models').present)
    service
      .at('models')
      .complain('compose-unsupported', 'Berth runs no language models', 'run the model server as a service');
  for (const key of ['cpu_rt_period', 'cpu_rt_runtime'])
    if (service.at(key).present)
      service
        .at(key)
        .complain('compose-unsupported', 'services have no real-time budget', 'use cpus or cpu_shares');
}

const refreshing = /^(?:daily|weekly|refresh|every_.+)$/;

function readPullPolicy(policy: Reader): PullPolicy {
  const text = policy.text() ?? 'missing';
  if (refreshing.test(text)) {
    const instead = 'an image that is here is not pulled again; always does';
    policy.warn('compose-value-not-honoured', `'${text}' is not honoured: ${instead}`);
    return 'missing';
  }
  if (text === 'if_not_present') return 'missing';
  if (text === 'missing' || text === 'always' || text === 'never' || text === 'build') return text;
  policy.complain(
    'compose-invalid-value',
    `found '${text}', required is 'always', 'missing', 'never' or 'build'`,
  );
  return 'missing';
}

function readVolumesFrom(sources: Reader): string[] | undefined {
  const texts = sources.texts();
  return texts.length === 0 ? undefined : texts;
}

function readReplicas(service: Reader): number {
  const deploy = service.at('deploy');
  if (deploy.at('mode').text()?.startsWith('global') === true) {
    if (deploy.at('replicas').present)
      deploy
        .at('replicas')
        .complain('compose-contradiction', 'a global service has one replica on each machine');
    return 1;
  }
  const scale = service.at('scale').integer();
  const replicas = service.at('deploy').at('replicas').integer();
  if (scale !== undefined && replicas !== undefined && scale !== replicas)
    service
      .at('scale')
      .complain('compose-contradiction', `scale is ${scale}, but deploy.replicas is ${replicas}`);
  const wanted = scale ?? replicas ?? 1;
  if (wanted < 0)
    service.at('scale').complain('compose-invalid-value', `found ${wanted}, required is 0 or more`);
  if (wanted > 1 && service.at('container_name').present)
    service
      .at('container_name')
      .complain('compose-contradiction', `one name cannot serve ${wanted} replicas`);
  return wanted;
}

function readNetworks(networks: Reader, known: ReadonlySet<string>): ServiceNetwork[] {
  if (!networks.present)
    return [{ network: 'default', aliases: [], priority: 0, linkLocal: [], driverOpts: {} }];
  const wanted: [string, Reader][] =
    networks.tree?.kind === 'list'
      ? networks.items().map((item) => [item.text() ?? '', item])
      : networks.entries();
  for (const [name, at] of wanted)
    if (!known.has(name))
      (at.present ? at : networks).complain(
        'compose-undefined-reference',
        `the network '${name}' is not defined at the top of the file`,
      );
  for (const [, one] of wanted)
    if (one.at('link_local_ips').present)
      one.at('link_local_ips').complain('compose-unsupported', 'containers get no link-local addresses');
  return wanted
    .map(([name, one]) =>
      compact<ServiceNetwork>({
        network: name,
        aliases: one.at('aliases').texts(),
        priority: one.at('priority').number() ?? 0,
        ipv4: one.at('ipv4_address').text(),
        ipv6: one.at('ipv6_address').text(),
        linkLocal: one.at('link_local_ips').texts(),
        mac: one.at('mac_address').text(),
        withoutServiceName: one.at('use_service_name_alias').boolean() === false ? true : undefined,
        driverOpts: { ...one.at('driver_opts').record(), ...readInterfaceName(one.at('interface_name')) },
        gatewayPriority: one.at('gw_priority').number(),
      }),
    )
    .sort((a, b) => b.priority - a.priority);
}

/** As Docker's driver option, which the engine knows. */
function readInterfaceName(name: Reader): Record<string, string> {
  const text = name.text();
  return text === undefined ? {} : { 'com.docker.network.endpoint.ifname': text };
}

function conflicting(service: Reader): ServiceNetwork[] {
  if (service.at('networks').present)
    service
      .at('network_mode')
      .complain('compose-contradiction', "a service has either 'network_mode' or 'networks', not both");
  return [];
}

function readVolumes(service: Reader, context: ServiceContext): Service['mounts'] {
  const volumes = readMounts(service.at('volumes'), context.resolve);
  for (const mount of volumes)
    if (mount.type === 'volume' && mount.source !== '' && !context.volumes.has(mount.source))
      service
        .at('volumes')
        .complain(
          'compose-undefined-reference',
          `the volume '${mount.source}' is not defined at the top of the file`,
        );
  for (const tmpfs of service.at('tmpfs').texts()) {
    const target = normalize(tmpfs.split(':')[0] ?? '');
    if (volumes.some((mount) => mount.target === target))
      service.at('tmpfs').complain('compose-contradiction', `a volume is mounted at '${target}' too`);
  }
  return volumes;
}
