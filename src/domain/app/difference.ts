import type { AppModel, Service } from './model.ts';
import { entryDifferences, portEntries, settingDifferences, type Difference } from './setting-difference.ts';
import { canonical } from './canonical.ts';
import type { AppTarget, ServiceTarget } from './target.ts';

export interface ServiceDifference {
  service: string;
  kind: 'added' | 'removed' | 'changed';
  differences: Difference[];
}

export interface AppDifference {
  services: ServiceDifference[];
  shared: { noun: 'network' | 'volume'; key: string; kind: 'added' | 'removed' }[];
}

/** What differs from one target to the next. Without a former one everything is new. */
export function differences(before: AppTarget | undefined, after: AppTarget): AppDifference {
  const former = new Map(before?.services.map((one) => [one.name, one]));
  const wanted = new Set(after.services.map((one) => one.name));
  const services = after.services.flatMap((one): ServiceDifference[] => {
    const other = former.get(one.name);
    if (before === undefined || other === undefined)
      return [{ service: one.name, kind: 'added', differences: [] }];
    const found = serviceDifferences([before.model, other], [after.model, one]);
    return found.length === 0 ? [] : [{ service: one.name, kind: 'changed', differences: found }];
  });
  const removed = [...former.keys()].filter((name) => !wanted.has(name));
  return {
    services: [
      ...services,
      ...removed.map((service): ServiceDifference => ({ service, kind: 'removed', differences: [] })),
    ],
    shared: [
      ...keyDifferences('network', before?.networks ?? [], after.networks),
      ...keyDifferences('volume', before?.volumes ?? [], after.volumes),
    ],
  };
}

function keyDifferences(
  noun: 'network' | 'volume',
  before: readonly { key: string }[],
  after: readonly { key: string }[],
): AppDifference['shared'] {
  const keys = (list: readonly { key: string }[]): Set<string> => new Set(list.map((one) => one.key));
  const [old, now] = [keys(before), keys(after)];
  return [
    ...[...now].filter((key) => !old.has(key)).map((key) => ({ noun, key, kind: 'added' as const })),
    ...[...old].filter((key) => !now.has(key)).map((key) => ({ noun, key, kind: 'removed' as const })),
  ];
}

function serviceDifferences(
  [formerModel, former]: [AppModel, ServiceTarget],
  [model, wanted]: [AppModel, ServiceTarget],
): Difference[] {
  const found = settingDifferences(former.settings, wanted.settings);
  if (former.imageId !== undefined && wanted.imageId !== undefined && former.imageId !== wanted.imageId)
    found.push({
      setting: 'image digest',
      kind: 'changed',
      before: former.imageId,
      after: wanted.imageId,
      renews: true,
    });
  const count = [former.replicas.length, wanted.replicas.length] as const;
  if (count[0] !== count[1])
    found.push({
      setting: 'scale',
      kind: 'changed',
      before: String(count[0]),
      after: String(count[1]),
      renews: false,
    });
  const [old, now] = [formerModel.services[former.name], model.services[wanted.name]];
  if (old !== undefined && now !== undefined) {
    const known = new Set(found.map((one) => one.setting));
    found.push(...inPlace(old, now).filter((one) => !known.has(one.setting)));
  }
  return found;
}

/** What is the service's own, and changes no container, by the compose file's name. */
const own: Partial<Record<keyof Service, string>> = {
  affinity: 'x-berth.affinity',
  build: 'build',
  containerName: 'container_name',
  dependsOn: 'depends_on',
  deploy: 'deploy',
  ingress: 'x-berth.ingress',
  postStart: 'post_start',
  preStop: 'pre_stop',
  pullPolicy: 'pull_policy',
  schedule: 'x-berth.schedule',
  stopGrace: 'stop_grace_period',
  update: 'x-berth.update',
};

/** Told elsewhere, or of no concern to what runs. */
const elsewhere = new Set<string>([
  ...['name', 'image', 'replicas', 'platform', 'networks', 'networkMode', 'links', 'volumesFrom', 'mounts'],
  ...['probes', 'secrets', 'configs', 'container', 'host', 'watch', 'ports', 'cpus'],
]);

function inPlace(before: Service, after: Service): Difference[] {
  const [old, now]: [Record<string, unknown>, Record<string, unknown>] = [{ ...before }, { ...after }];
  const names: Record<string, string> = own;
  const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])].filter((key) => !elsewhere.has(key));
  const found = keys.flatMap((key): Difference[] =>
    canonical(old[key]) === canonical(now[key])
      ? []
      : [{ setting: names[key] ?? `x-berth.${key}`, kind: 'changed', renews: false }],
  );
  if (canonical(before.ports) === canonical(after.ports)) return found;
  const ports = entryDifferences('ports', portEntries(before.ports), portEntries(after.ports), false);
  return [...found, ...ports];
}
