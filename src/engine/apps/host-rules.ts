import { conflict, invalid } from '#base/errors.ts';
import type { AppModel } from '#domain/app/model.ts';
import { placementFaults, type PlacementFault } from '#domain/app/placement.ts';
import type { Scale } from '#domain/app/scale.ts';
import { cpuFaults, type CpuAsk } from '#domain/capacity/cpus.ts';
import { memoryDefault, withDefaults } from '#domain/capacity/defaults.ts';
import { overcommitment, shortages, totalOf } from '#domain/capacity/fit.ts';
import { cpuAsksOf, holdingsOf, HostCapacity } from '#engine/capacity/host-capacity.ts';
import type { Exposure, ExposureWord } from '#domain/policy/model.ts';
import type { Containers } from '#engine/contracts/containers.ts';
import type { Machine } from '#ports/machine.ts';
import type { AppRecord } from './parts.ts';

/** What this machine is as a node, and what it gives to who sets nothing. */
export interface HostSettings {
  /** `none`, a share such as `25%`, or a size. */
  memory: string;
  /** 0: no limit. */
  pids: number;
  /** 0: the kernel's. */
  cpuShares: number;
  /** Who reaches ports of which the app does not say it. */
  exposure: ExposureWord;
  /** NAME=VALUE */
  labels: readonly string[];
}

export interface HostRuleParts {
  machine: Pick<Machine, 'facts'>;
  containers: Pick<Containers, 'list'>;
  node: { id: string; arch: string; settings: HostSettings };
}

/** What this machine has to say to an app before it is brought up. */
export class HostRules {
  readonly #parts: HostRuleParts;
  readonly #record: (app: string) => AppRecord | undefined;
  readonly capacity: HostCapacity;

  constructor(parts: HostRuleParts, records: { names(): string[]; get(app: string): AppRecord | undefined }) {
    this.#parts = parts;
    this.#record = (app) => records.get(app);
    this.capacity = new HostCapacity(parts.machine, parts.containers, () =>
      records.names().flatMap((app) => sizeOf(records.get(app)) ?? []),
    );
  }

  /** Of ports of which an app does not say it. */
  get exposure(): Exposure {
    const word = this.#parts.node.settings.exposure;
    return { word, at: { file: 'the setting defaults.exposure', line: 0 } };
  }

  /**
   * The app with the machine's defaults, which `notes` name.
   * @param locate where a constraint of a service stands: FILE:LINE
   * @throws invalid `app-placement-impossible`
   */
  async complete(
    model: AppModel,
    locate: (service: string, constraint: number) => string,
  ): Promise<{ model: AppModel; notes: string[] }> {
    const { id, arch, settings } = this.#parts.node;
    const { hostname, memory } = await this.#parts.machine.facts();
    const faults = placementFaults(model, { id, hostname, arch, labels: labelsOf(settings.labels) });
    const told = ({ service, index, message }: PlacementFault): string =>
      `${locate(service, index)}: ${message}`;
    if (faults.length > 0)
      throw invalid('app-placement-impossible', faults.map(told).join('\n'), {
        hint: "change deploy.placement.constraints, or give this machine labels: the setting 'node.labels'",
      });
    const { pids, cpuShares } = settings;
    return withDefaults(model, { memory: memoryDefault(settings.memory, memory) ?? 0, pids, cpuShares });
  }

  /**
   * Whether all that is promised fits into the machine. Gives what there is to say.
   * @throws conflict `app-does-not-fit` unless `overcommit`, or it was so before and this app asks for no more now
   */
  async check(
    model: AppModel,
    overcommit: boolean,
    scale: Scale = this.#record(model.name)?.scale ?? {},
  ): Promise<string[]> {
    const { fault, notes } = await this.#look(model, scale);
    if (fault === undefined) return notes;
    if (overcommit) return [...notes, `it does not fit: ${fault}`];
    throw conflict('app-does-not-fit', `the app ${model.name} does not fit into this machine: ${fault}`, {
      hint: 'reserve less, run fewer replicas, or take the risk: --overcommit',
    });
  }

  /** What `check` would say, for a plan. */
  async foresee(model: AppModel): Promise<string[]> {
    const { fault, notes } = await this.#look(model, this.#record(model.name)?.scale ?? {});
    return fault === undefined ? notes : [...notes, `berth up will refuse it without --overcommit: ${fault}`];
  }

  async #look(model: AppModel, scale: Scale): Promise<{ fault?: string; notes: string[] }> {
    const record = this.#record(model.name);
    const total = await this.capacity.total();
    const own = holdingsOf({ model, scale });
    const all = [...this.capacity.holdings(model.name), ...own];
    const asks = cpuAsksOf({ model, scale });
    const { topology } = await this.#parts.machine.facts();
    const faults = [
      ...shortages(all, total),
      ...cpuFaults(topology, [...this.capacity.cpuAsks(model.name), ...asks]),
    ];
    const excess = overcommitment(all, total);
    const notes = [...(excess === undefined ? [] : [excess]), ...asks.map(cpuWords)];
    if (faults.length === 0) return { notes };
    const before = totalOf(
      record?.target === undefined ? [] : holdingsOf(sizeOf(record) ?? { model, scale: {} }),
    );
    const now = totalOf(own);
    const asksMore = now.memory > before.memory || now.cpus > before.cpus;
    if (!asksMore) return { notes: [...notes, ...faults] };
    return { fault: faults.join('; '), notes };
  }
}

/** `web: 2 processors of its own for each of 3 replicas, of one memory node` */
function cpuWords({ name, replicas, wish: { count, numa } }: CpuAsk): string {
  const where = numa === undefined ? '' : `, of one memory node${numa === 'prefer' ? ' if it can be' : ''}`;
  const whose = replicas === 1 ? '' : ` for each of ${replicas} replicas`;
  return `${name}: ${count} processor${count === 1 ? '' : 's'} of its own${whose}${where}`;
}

function sizeOf(record: AppRecord | undefined): { model: AppModel; scale: Scale } | undefined {
  if (record?.target === undefined) return undefined;
  return { model: record.target.model, scale: record.scale ?? {} };
}

function labelsOf(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const split = line.indexOf('=');
      return [line.slice(0, split), line.slice(split + 1)];
    }),
  );
}
