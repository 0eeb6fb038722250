import type { Failures } from '#domain/app/failures.ts';
import type { Container } from '#domain/container/container.ts';
import type { AppSummary, ReplicaSummary, ServiceSummary } from './events.ts';
import type { AppParts, AppRecord } from './parts.ts';
import { replicasOfApp } from './observe.ts';

/** An app as people see it, from its record and its containers. */
export function summarize(
  parts: Pick<AppParts, 'containers' | 'networks'>,
  name: string,
  record: AppRecord | undefined,
): AppSummary {
  const containers = replicasOfApp(parts, name).map((one) => ({
    ...one,
    ports: parts.networks.portsOf(one),
  }));
  const services = [...new Set([...Object.keys(record?.services ?? {}), ...containers.map(serviceName)])];
  const revisions = containers.map((one) => one.identity?.revision ?? 0);
  return {
    name,
    revision: record?.revision ?? Math.max(0, ...revisions),
    folder: record?.folder ?? '',
    files: record?.files ?? [],
    services: services.map((service) => summarizeService(service, record, containers)),
  };
}

/** With the replicas that healing gave up, by `slotOf`. */
export function withCrashLoops(
  summary: AppSummary,
  failures: Readonly<Record<string, Failures | undefined>>,
): AppSummary {
  const services = summary.services.map((service) => {
    const crashLoops = Object.entries(failures).flatMap(([slot, one]) => {
      const [name, replica] = slot.split('/');
      return name === service.name && one?.open !== undefined
        ? [{ replica: Number(replica), ...one.open }]
        : [];
    });
    return crashLoops.length === 0 ? service : { ...service, crashLoops };
  });
  return { ...summary, services };
}

function summarizeService(
  name: string,
  record: AppRecord | undefined,
  containers: Container[],
): ServiceSummary {
  const mine = containers.filter((one) => serviceName(one) === name);
  const replicas = mine.map(replicaSummary).sort((a, b) => a.replica - b.replica);
  const wanted = record?.services[name]?.replicas ?? mine.length;
  const isStopped = record?.stopped?.includes(name) === true;
  return { name, wanted, replicas, ...(isStopped ? { stopped: true as const } : {}) };
}

function serviceName(container: Container): string {
  return container.identity?.service ?? '';
}

function replicaSummary(container: Container): ReplicaSummary {
  const { state } = container;
  return {
    container: container.name,
    id: container.id,
    replica: container.identity?.replica ?? 0,
    image: container.imageName,
    status: state.status,
    health: state.health?.status ?? 'none',
    exitCode: state.exitCode,
    ...(state.oomKilled && state.oomMemory !== undefined ? { outOfMemory: state.oomMemory } : {}),
    startedAt: state.startedAt,
    ports: container.ports,
  };
}
