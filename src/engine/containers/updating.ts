import type { Container } from '#domain/container/container.ts';
import type { HostConfig, Resources, RestartPolicy } from '#domain/container/config.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import type { KeyedMutex } from '#base/mutex.ts';
import { checkCpus } from '#domain/container/cpu-checks.ts';
import { resourceLimits, resourceWarnings } from '#domain/container/resources.ts';
import { checkRestartPolicy } from '#domain/container/restart.ts';
import { checkUpdate } from '#domain/container/update-checks.ts';
import { hasProcess } from '#domain/container/state.ts';
import { validateResources } from '#domain/container/validate.ts';
import { announce } from '#engine/containers/announcer.ts';
import { within } from '#base/errors.ts';

/** The kernel cannot have more (PID_MAX_LIMIT); crun 1.8 cannot write that there is no limit. */
const mostProcesses = 4_194_304;

type Changes = Resources & { RestartPolicy?: RestartPolicy };

/** Changes limits and restart policy, at once where the container runs. */
export class Updating {
  readonly #parts: ContainerParts;
  readonly #registry: ContainerRegistry;
  readonly #locks: KeyedMutex;

  constructor(parts: ContainerParts, registry: ContainerRegistry, locks: KeyedMutex) {
    this.#parts = parts;
    this.#registry = registry;
    this.#locks = locks;
  }

  /** Gives warnings. @throws as checkUpdate, validateResources, checkRestartPolicy, Runtime.update; nothing is changed then */
  update(id: string, changes: Changes): Promise<string[]> {
    return this.#locks.run(id, async () => {
      const container = this.#registry.get(id);
      const { facts } = this.#parts.host;
      const wanted = given(changes);
      refuseClashes(container, wanted);
      const hostConfig: HostConfig = { ...container.hostConfig, ...wanted };
      checkCpus(hostConfig, facts);
      const warnings = [...validateResources(hostConfig), ...resourceWarnings(hostConfig, facts)];
      checkRestartPolicy(hostConfig.RestartPolicy, hostConfig.AutoRemove === true);
      if (hasProcess(container)) await this.#change(id, hostConfig);
      // Its health, and whether it is given requests, may have changed meanwhile.
      const now = this.#registry.get(id);
      announce(this.#parts.events, this.#registry.put({ ...now, hostConfig }), 'update');
      return warnings;
    });
  }

  async #change(id: string, hostConfig: HostConfig): Promise<void> {
    const limits = resourceLimits(hostConfig, this.#parts.host.facts);
    // Of all limits this one can be taken back: a container that is made without it needs no word about it.
    const pids = hostConfig.PidsLimit === 0 ? { pids: { limit: mostProcesses } } : {};
    await this.#parts.runtime.update(id, { ...limits, ...pids });
  }
}

/** A zero, an empty text or an empty policy means "as it is"; of processes it means "as many as you like", as -1 does. */
function given(changes: Changes): Partial<HostConfig> {
  const kept = Object.entries(changes).filter(([key, value]) => {
    if (key === 'RestartPolicy') return Boolean(changes.RestartPolicy?.Name);
    return value !== 0 && value !== '' && value !== null && value !== undefined;
  });
  const { PidsLimit: pids } = changes;
  const limited = typeof pids === 'number' ? { PidsLimit: Math.max(pids, 0) } : {};
  return { ...Object.fromEntries(kept), ...limited };
}

function refuseClashes({ id, hostConfig }: Container, wanted: Partial<HostConfig>): void {
  try {
    checkUpdate(hostConfig, wanted);
  } catch (error) {
    throw within(`Cannot update container ${id}`, error);
  }
}
