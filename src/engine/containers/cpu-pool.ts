import { conflict, unsupported } from '#base/errors.ts';
import { KeyedMutex } from '#base/mutex.ts';
import { pickCpus } from '#domain/capacity/cpus.ts';
import type { Container } from '#domain/container/container.ts';
import { cpuList, cpuNumbers } from '#domain/container/cpu-list.ts';
import { cpuWishOf } from '#domain/container/own-cpus.ts';
import { resourceLimits } from '#domain/container/resources.ts';
import { hasProcess } from '#domain/container/state.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';

const everything = '';
const unknown = '?';

/**
 * Processors of their own for the containers that ask for them, from their start to their end; all others share the rest. The
 * record of a container says which it has, so that the next daemon knows them.
 */
export class CpuPool {
  readonly #parts: Pick<ContainerParts, 'host' | 'runtime' | 'report'>;
  readonly #registry: ContainerRegistry;
  readonly #turns = new KeyedMutex();
  /** By container. */
  readonly #own = new Map<string, readonly number[]>();
  /** What running containers that share are confined to, where that is not everything. */
  readonly #confined = new Map<string, string>();

  constructor(parts: Pick<ContainerParts, 'host' | 'runtime' | 'report'>, registry: ContainerRegistry) {
    this.#parts = parts;
    this.#registry = registry;
  }

  /** What the containers have that an earlier daemon left, whether they still run or not. */
  open(): void {
    const running = this.#registry.list().filter((one) => hasProcess(one) || one.pending === 'start');
    for (const { id, hostConfig } of running)
      if (cpuWishOf(hostConfig) !== undefined)
        this.#own.set(id, cpuNumbers(hostConfig.CpusetCpus ?? '') ?? []);
    if (this.#own.size === 0) return;
    for (const one of running) if (shares(one)) this.#confined.set(one.id, unknown);
  }

  /** The container with the processors that it gets. @throws conflict `cpus-exhausted`; as `cpuWishOf` */
  claim(container: Container): Container {
    const { id, hostConfig, name } = container;
    const wish = cpuWishOf(hostConfig);
    if (wish === undefined) return container;
    const { controllers, topology } = this.#parts.host.facts;
    if (!controllers.includes('cpuset'))
      throw unsupported(
        'cpus-unsupported',
        `${name} cannot have processors of its own: this host has no control groups for that (cpuset)`,
      );
    const before = cpuNumbers(hostConfig.CpusetCpus ?? '') ?? [];
    this.#own.delete(id);
    const found = pickCpus(topology, this.#taken(), wish, before);
    if ('missing' in found)
      throw conflict('cpus-exhausted', `there are no processors of its own for ${name}: ${found.missing}`, {
        hint: this.#holders(),
      });
    this.#own.set(id, found.cpus);
    const CpusetMems = cpuList(found.nodes);
    return { ...container, hostConfig: { ...hostConfig, CpusetCpus: cpuList(found.cpus), CpusetMems } };
  }

  /** For its specification: one that shares is confined to what is shared now. */
  confine(container: Container): Container {
    if (this.#own.size === 0 || !shares(container)) return container;
    const shared = this.#shared();
    this.#confined.set(container.id, shared);
    return { ...container, hostConfig: { ...container.hostConfig, CpusetCpus: shared } };
  }

  /** It has ended, or has not begun. */
  free(id: string): void {
    this.#own.delete(id);
    this.#confined.delete(id);
  }

  /** Confines all that run and share to what is shared now. Nothing to do where nobody has processors of its own. */
  async settle(): Promise<void> {
    if (this.#own.size === 0 && this.#confined.size === 0) return;
    await this.#turns.run('', async () => {
      for (const one of this.#registry.list()) if (hasProcess(one) && shares(one)) await this.#move(one);
    });
  }

  async #move({ id, hostConfig }: Container): Promise<void> {
    const { host, runtime, report } = this.#parts;
    const shared = this.#shared();
    if ((this.#confined.get(id) ?? everything) === shared) return;
    const CpusetCpus = shared === everything ? host.facts.cpus.online : shared;
    try {
      await runtime.update(id, resourceLimits({ ...hostConfig, CpusetCpus }, host.facts));
    } catch (error) {
      const now = this.#registry.byId(id);
      if (now !== undefined && hasProcess(now)) report(`container ${id} keeps its processors`, error);
      return;
    }
    if (shared === everything) this.#confined.delete(id);
    else this.#confined.set(id, shared);
  }

  #taken(): Set<number> {
    return new Set([...this.#own.values()].flat());
  }

  #shared(): string {
    if (this.#own.size === 0) return everything;
    const taken = this.#taken();
    const all = this.#parts.host.facts.topology.flatMap(({ cpus }) => cpus);
    return cpuList(all.filter((cpu) => !taken.has(cpu)));
  }

  #holders(): string {
    const words = [...this.#own].map(
      ([id, cpus]) => `${this.#registry.byId(id)?.name ?? id} has ${cpuList(cpus)}`,
    );
    return words.length === 0 ? 'ask for fewer' : `ask for fewer, or stop another: ${words.join(', ')}`;
  }
}

/** Neither asks for processors of its own nor names some. */
function shares({ hostConfig }: Container): boolean {
  return (hostConfig.CpusetCpus ?? '') === '' && cpuWishOf(hostConfig) === undefined;
}
