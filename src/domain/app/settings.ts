import { annotationsOf } from '#domain/container/own-cpus.ts';
import { grantSettings } from './file-grants.ts';
import type { AppModel, Service } from './model.ts';
import { isReached } from './reach.ts';

/** Every setting under a name that people know, to tell which one changed. */
export type Settings = Record<string, unknown>;

const names: Record<string, string> = {
  Cmd: 'command',
  Env: 'environment',
  Healthcheck: 'healthcheck',
  Entrypoint: 'entrypoint',
  RestartPolicy: 'restart',
  Memory: 'memory limit',
  NanoCpus: 'cpus',
  PidsLimit: 'pids limit',
  User: 'user',
  WorkingDir: 'working_dir',
  Labels: 'labels',
  LogConfig: 'logging',
};

/** What of a service makes its containers others when it changes. */
export function settingsOf(model: AppModel, service: Service): Settings {
  const own: Settings = { ...service.container, ...service.host };
  const settings: Settings = {};
  for (const [key, value] of Object.entries(own)) settings[names[key] ?? key] = value;
  if (service.container.Env) settings['environment'] = environmentOf(service.container.Env);
  settings['image'] = service.image;
  settings['platform'] = service.platform;
  settings['ports'] = isReached(service) ? undefined : service.ports;
  settings['volumes'] = service.mounts.map((mount) => ({
    ...mount,
    name: model.volumes[mount.source]?.name,
  }));
  settings['secrets'] = grantSettings(service.secrets, model.secrets);
  settings['configs'] = grantSettings(service.configs, model.configs);
  settings['networks'] = service.networks.map((one) => ({ ...one, name: model.networks[one.network]?.name }));
  settings['network_mode'] = service.networkMode;
  settings['probes'] = service.probes;
  settings['restart delay'] = service.deploy?.restart?.delay;
  settings['x-berth.resources'] = service.cpus && annotationsOf(service.cpus);
  settings['links'] = service.links;
  settings['volumes_from'] = service.volumesFrom;
  return settings;
}

function environmentOf(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const split = line.indexOf('=');
      return [line.slice(0, split), line.slice(split + 1)];
    }),
  );
}
