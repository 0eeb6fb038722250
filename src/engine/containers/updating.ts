import type { HostConfig, Resources, RestartPolicy } from '#domain/container/config.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import type { KeyedMutex } from '#base/mutex.ts';
import { checkCpus } from '#domain/container/cpu-checks.ts';
import { resourceLimits, resourceWarnings } from '#domain/container/resources.ts';
import { checkRestartPolicy } from '#domain/container/restart.ts';
import { hasProcess } from '#domain/container/state.ts';
import { validateResources } from '#domain/container/validate.ts';
import { announce } from '#engine/containers/announcer.ts';

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

  /** Gives warnings. @throws as validateResources, checkRestartPolicy, Runtime.update; nothing is changed then */
  update(id: string, changes: Changes): Promise<string[]> {
    return this.#locks.run(id, async () => {
      const container = this.#registry.get(id);
      const { facts } = this.#parts.host;
      const hostConfig: HostConfig = { ...container.hostConfig, ...given(changes) };
      checkCpus(hostConfig, facts);
      const warnings = [...validateResources(hostConfig), ...resourceWarnings(hostConfig, facts)];
      checkRestartPolicy(hostConfig.RestartPolicy, hostConfig.AutoRemove === true);
      if (hasProcess(container)) await this.#parts.runtime.update(id, resourceLimits(hostConfig, facts));
      announce(this.#parts.events, this.#registry.put({ ...container, hostConfig }), 'update');
      return warnings;
    });
  }
}

/** A zero, an empty text or an empty policy means "as it is". */
function given(changes: Changes): Partial<HostConfig> {
  const kept = Object.entries(changes).filter(([key, value]) => {
    if (key === 'RestartPolicy') return Boolean(changes.RestartPolicy?.Name);
    return value !== 0 && value !== '' && value !== null && value !== undefined;
  });
  return Object.fromEntries(kept);
}
