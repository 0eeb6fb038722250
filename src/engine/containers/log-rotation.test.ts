import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container } from '#domain/container/container.ts';
import { MovedClock } from '../../../test/support/moved-clock.ts';
import { LogRotation } from './log-rotation.ts';

type Parts = ConstructorParameters<typeof LogRotation>[0];

const create: (prototype: null) => Container & Parts['logs'] & Parts['runtime'] = Object.create;

/** Containers that run, by their ids, with the bytes that each writes in a millisecond. */
class World {
  readonly clock = new MovedClock('2026-01-01T00:00:00Z');
  readonly #begun = this.clock.now();
  readonly #rates = new Map<string, number>();
  readonly #rotated = new Map<string, number>();
  /** When each log was looked at. */
  readonly #looks: { id: string; at: number }[] = [];
  #tell: (container: Container) => void = () => undefined;
  readonly rotation = new LogRotation(
    {
      clock: this.clock,
      logs: Object.assign(create(null), {
        rotate: (id: string, { maxBytes }: { maxBytes: number }) => this.#rotate(id, maxBytes),
      }),
      runtime: create(null),
      report: (problem, error) => assert.fail(`${problem}: ${String(error)}`),
    },
    {
      list: () => [...this.#rates.keys()].map((id) => this.#container(id)),
      onChange: (listener) => {
        this.#tell = listener;
        return () => undefined;
      },
    },
  );

  start(id: string, rate: number): void {
    this.#rates.set(id, rate);
    this.#rotated.set(id, this.clock.now());
    this.#tell(this.#container(id));
  }

  /** Milliseconds since the beginning. */
  at(id: string): number[] {
    return this.#looks.flatMap((look) => (look.id === id ? [look.at - this.#begun] : []));
  }

  #rotate(id: string, maxBytes: number): Promise<boolean> {
    const now = this.clock.now();
    this.#looks.push({ id, at: now });
    const isLarge = (this.#rates.get(id) ?? 0) * (now - (this.#rotated.get(id) ?? 0)) > maxBytes;
    if (isLarge) this.#rotated.set(id, now);
    return Promise.resolve(isLarge);
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
  world.start('loud', 20);
  world.start('quiet', 0);
  world.rotation.begin();
  await world.clock.pass(1200);
  assert.deepEqual(world.at('quiet'), [0, 1000]);
  assert.deepEqual(world.at('loud'), [0, 1000, 1020]);
  world.rotation.close();
});

test('logs that stay small are looked at once a second', async () => {
  const world = new World();
  world.start('quiet', 0.1);
  world.rotation.begin();
  await world.clock.pass(3500);
  assert.deepEqual(world.at('quiet'), [0, 1000, 2000, 3000]);
  world.rotation.close();
});

test('the log of a container that starts is looked at soon, and goes on being so while it is written fast', async () => {
  const world = new World();
  world.start('quiet', 0);
  world.rotation.begin();
  await world.clock.pass(300);
  world.start('loud', 100);
  await world.clock.pass(200);
  assert.deepEqual(world.at('loud'), [450, 470, 490]);
  assert.deepEqual(world.at('quiet'), [0]);
  world.rotation.close();
});
