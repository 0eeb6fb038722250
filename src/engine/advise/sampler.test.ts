import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container } from '#domain/container/container.ts';
import type { CgroupUsage } from '#ports/cgroups.ts';
import { MemoryState } from '../../../test/support/image-room.ts';
import { Sampler, type SamplerParts } from './sampler.ts';

/** A machine with one replica, which has run since `startedAt` and was out of memory so often. */
class World {
  readonly state = new MemoryState();
  now = 1_000_000;
  startedAt = 0;
  oomKills = 0;

  /** One daemon; the next one has the same state. */
  daemon(): Sampler {
    const create: (prototype: null) => SamplerParts = Object.create;
    const list = (): Container[] => [this.#replica()];
    return new Sampler(
      Object.assign(create(null), {
        ...{ store: this.state, period: 60, clock: { now: () => this.now } },
        containers: { list, usage: () => Promise.resolve({ cgroup: this.#usage() }) },
      }),
    );
  }

  #replica(): Container {
    const parse: (text: string) => Container = JSON.parse;
    const state = { status: 'running', startedAt: new Date(this.startedAt).toISOString() };
    return parse(JSON.stringify({ id: 'one', identity: { app: 'shop', service: 'web' }, state }));
  }

  #usage(): CgroupUsage {
    const cpu = { totalNanos: this.now * 1e5, userNanos: 0, systemNanos: 0, throttledNanos: 0 };
    return {
      cpu: { ...cpu, periods: 10 * this.oomKills, throttledPeriods: 5 * this.oomKills },
      memory: { usage: 1000, peak: 2000, limit: 0, cache: 100, stats: {} },
      pids: { current: 3, limit: 0 },
      io: { readBytes: 0, writeBytes: 0, reads: 0, writes: 0 },
      oomKills: this.oomKills,
    };
  }
}

test('what happened to a replica counts once, also when the daemon starts again meanwhile', async () => {
  const world = new World();
  const first = world.daemon();
  world.startedAt = world.now + 1000;
  world.now += 60_000;
  world.oomKills = 1;
  await first.look();
  assert.equal(first.of('shop', 'web').oomKills, 1);
  first.close();
  world.now += 60_000;
  const next = world.daemon();
  await next.look();
  assert.equal(next.of('shop', 'web').oomKills, 1);
  assert.deepEqual(next.of('shop', 'web').throttled, { periods: 10, throttledPeriods: 5 });
  world.now += 60_000;
  world.oomKills = 3;
  await next.look();
  assert.equal(next.of('shop', 'web').oomKills, 3);
  assert.deepEqual(next.of('shop', 'web').samples, [{ memory: 900, cpus: 0.1, pids: 3 }]);
});
