import type { Container } from '#domain/container/container.ts';
import type { ContainerUsage } from '#engine/contracts.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { LinkCounters } from '#ports/links.ts';
import { cgroupPath } from '#domain/container/spec.ts';
import { hasProcess } from '#domain/container/state.ts';
import { ownsSandbox } from '#engine/containers/endpoints.ts';
import { conflict } from '#base/errors.ts';

/** Reads what running containers use. */
export class Observing {
  readonly #parts: ContainerParts;

  constructor(parts: ContainerParts) {
    this.#parts = parts;
  }

  /** @throws conflict `container-not-running`; as HostProcesses.list */
  async top(
    container: Container,
    psArguments: string[],
  ): Promise<{ titles: string[]; processes: string[][] }> {
    if (!hasProcess(container))
      throw conflict('container-not-running', `container ${container.id} is not running`);
    const pids = await this.#parts.runtime.processes(container.id);
    return this.#parts.processes.list(pids, psArguments);
  }

  /** Undefined when it does not run. */
  async usage(container: Container): Promise<ContainerUsage | undefined> {
    const { cgroups, clock, instance, processes } = this.#parts;
    if (!hasProcess(container)) return undefined;
    const [cgroup, networks] = await Promise.all([
      cgroups.usage(cgroupPath({ container, cgroupParent: instance.cgroupParent })),
      this.#counters(container),
    ]);
    if (cgroup === undefined) return undefined;
    const limit = cgroup.memory.limit === 0 ? processes.memory() : cgroup.memory.limit;
    const memory = { ...cgroup.memory, limit };
    return { read: clock.timestamp(), cgroup: { ...cgroup, memory }, networks, ...processes.cpu() };
  }

  async #counters(container: Container): Promise<Record<string, LinkCounters>> {
    const { links } = this.#parts;
    if (!ownsSandbox(container) || container.endpoints.length === 0) return {};
    return links.counters(links.namespacePath(container.id));
  }
}
