import { it } from 'node:test';
import assert from 'node:assert/strict';
import type { Container } from '#domain/container/container.ts';
import type { Probe } from '#domain/container/probe.ts';
import { newState } from '#domain/container/state.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';
import type { Execs } from './execs.ts';
import { HealthMonitor } from './health-monitor.ts';
import { ContainerRegistry } from './registry.ts';
import { fake } from '../../../test/support/container-room.ts';

const probe: Probe = {
  action: { kind: 'tcp', port: 80 },
  ...{ initialDelay: 0, period: 1000, timeout: 1000, successThreshold: 1, failureThreshold: 1 },
};

it('looks go on after one that could not be recorded', async () => {
  const problems: string[] = [];
  let full = true;
  const { promise: recorded, resolve } = Promise.withResolvers<void>();
  const store = fake<StateStore>({
    collection: <T extends object>() =>
      fake<Collection<T>>({
        put: () => undefined,
        note: () => {
          if (full) throw new Error('disk full');
          resolve();
        },
      }),
  });
  const registry = new ContainerRegistry(store);
  const container = registry.put(
    fake<Container>({
      ...{ id: 'c', name: 'c', imageId: '', imageName: '', mounts: [], endpoints: [] },
      ...{ config: {}, hostConfig: { NetworkMode: 'host' }, probes: { readiness: probe } },
      state: { ...newState(), status: 'running' },
    }),
  );
  const sleeping = (ms: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    // Only the pause after a failure ends.
    if (ms === 0) return Promise.resolve();
    full = false;
    return ms === 5000 ? Promise.resolve() : new Promise(() => undefined);
  };
  const parts = fake<ContainerParts>({
    clock: { now: () => 0, timestamp: () => '', sleep: sleeping },
    events: fake<ContainerParts['events']>({ emit: () => undefined }),
    prober: { look: () => Promise.resolve({ success: true, output: '' }) },
    report: (problem) => void problems.push(problem),
  });
  const monitor = new HealthMonitor(parts, registry, fake<Execs>({}));
  monitor.begin(container);
  await recorded;
  monitor.close();
  assert.deepEqual(problems, ['looking at the health of container c failed']);
  assert.equal(registry.get('c').state.health?.status, 'healthy');
});
