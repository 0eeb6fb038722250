import type { AppModel } from '#domain/app/model.ts';
import { countOf, type Scale } from '#domain/app/scale.ts';
import type { CpuAsk } from '#domain/capacity/cpus.ts';
import { demandOf, demandOfHost, type Demand } from '#domain/capacity/demand.ts';
import type { Holding } from '#domain/capacity/fit.ts';
import { hasProcess } from '#domain/container/state.ts';
import type { Containers } from '#engine/contracts/containers.ts';
import type { Machine } from '#ports/machine.ts';

/** What an app is to be. */
export interface SizedApp {
  model: AppModel;
  scale: Scale;
}

/** What the machine has, and who was promised how much of it. */
export class HostCapacity {
  readonly #machine: Pick<Machine, 'facts'>;
  readonly #containers: Pick<Containers, 'list'>;
  readonly #apps: () => readonly SizedApp[];

  constructor(
    machine: Pick<Machine, 'facts'>,
    containers: Pick<Containers, 'list'>,
    apps: () => readonly SizedApp[],
  ) {
    this.#machine = machine;
    this.#containers = containers;
    this.#apps = apps;
  }

  async total(): Promise<Demand> {
    const { memory, processors } = await this.#machine.facts();
    return { memory, cpus: processors };
  }

  /** What all apps but for one ask for processors of their own. */
  cpuAsks(but: string): CpuAsk[] {
    return this.#apps()
      .filter(({ model }) => model.name !== but)
      .flatMap(cpuAsksOf);
  }

  /** Of all apps, but for one, and of the containers that run beside apps. */
  holdings(but?: string): Holding[] {
    const apps = this.#apps().filter(({ model }) => model.name !== but);
    const others = this.#containers
      .list()
      .filter((one) => (one.identity === undefined || one.identity.run !== undefined) && hasProcess(one));
    return [
      ...apps.flatMap(holdingsOf),
      ...others.map(({ name, hostConfig }) => ({
        ...{ name, count: 1, demand: demandOfHost(hostConfig) },
        ...limited(hostConfig.Memory),
      })),
    ];
  }
}

/** What services that run all the time ask for processors of their own. */
export function cpuAsksOf({ model, scale }: SizedApp): CpuAsk[] {
  return Object.values(model.services).flatMap((service) => {
    const { cpus, name, schedule } = service;
    if (cpus === undefined || schedule !== undefined) return [];
    const { at, ...wish } = cpus;
    const replicas = countOf(service, scale[name]);
    return [{ name: `${model.name}/${name}`, replicas, wish, memory: demandOf(service).memory, at }];
  });
}

/** Of the services that run all the time. */
export function holdingsOf({ model, scale }: SizedApp): Holding[] {
  return Object.values(model.services)
    .filter(({ schedule }) => schedule === undefined)
    .map((service) => ({
      name: `${model.name}/${service.name}`,
      count: countOf(service, scale[service.name]),
      demand: demandOf(service),
      ...limited(service.host.Memory),
    }));
}

function limited(bytes: number | undefined): { memoryLimit?: number } {
  return bytes === undefined || bytes === 0 ? {} : { memoryLimit: bytes };
}
