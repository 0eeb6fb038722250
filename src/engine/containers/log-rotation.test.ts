import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container } from '#domain/container/container.ts';
import { LogRotation } from './log-rotation.ts';

type Parts = ConstructorParameters<typeof LogRotation>[0];

const create: (prototype: null) => Container & Parts['logs'] & Parts['runtime'] = Object.create;

/** Containers that run, by their ids, with the bytes that each writes in a millisecond. */
class World {
  readonly rates = new Map<string, number>();
  readonly sizes = new Map<string, number>();
  /** When each log was looked at. */
  readonly looks: { id: string; at: number }[] = [];
  now = 0;
  readonly #ended = Promise.withResolvers<void>();

  /** Until `until` (milliseconds). */
  async run(until: number): Promise<void> {
    const rotation = new LogRotation(
      {
        clock: {
          now: () => this.now,
          timestamp: () => '',
          sleep: (ms, signal) => this.#sleep(ms, until, signal),
        },
        logs: Object.assign(create(null), {
          rotate: (id: string, { maxBytes }: { maxBytes: number }) => {
            this.looks.push({ id, at: this.now });
            const isLarge = (this.sizes.get(id) ?? 0) > maxBytes;
            if (isLarge) this.sizes.set(id, 0);
            return Promise.resolve(isLarge);
          },
        }),
        runtime: create(null),
        report: (problem, error) => assert.fail(`${problem}: ${String(error)}`),
      },
      { list: () => [...this.rates.keys()].map((id) => this.#container(id)) },
    );
    rotation.begin();
    await this.#ended.promise;
    rotation.close();
  }

  at(id: string): number[] {
    return this.looks.flatMap((look) => (look.id === id ? [look.at] : []));
  }

  async #sleep(ms: number, until: number, signal?: AbortSignal): Promise<void> {
    this.now += ms;
    for (const [id, rate] of this.rates) this.sizes.set(id, (this.sizes.get(id) ?? 0) + rate * ms);
    if (this.now < until) return;
    this.#ended.resolve();
    await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('over'))));
  }

  #container(id: string): Container {
    return Object.assign(create(null), {
      id,
      hostConfig: { LogConfig: { Type: 'json-file', Config: { 'max-size': '1000' } } },
      state: { status: 'running' },
    });
  }
}

test('a log that had to be rotated is looked at soon again, others once a second', async () => {
  const world = new World();
  world.rates.set('loud', 20);
  world.rates.set('quiet', 0);
  await world.run(1150);
  assert.deepEqual(world.at('quiet'), [0, 1000]);
  assert.deepEqual(world.at('loud'), [0, 1000, 1100]);
});

test('logs that stay small are looked at once a second', async () => {
  const world = new World();
  world.rates.set('quiet', 0.1);
  await world.run(3500);
  assert.deepEqual(world.at('quiet'), [0, 1000, 2000, 3000]);
});
