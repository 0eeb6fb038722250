import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { targets, worlds } from '../../../test/support/app-arbitraries.ts';
import { app, apply, emptyWorld, type World } from '../../../test/support/app-world.ts';
import { planDown } from './plan-down.ts';
import { plan } from './plan.ts';
import type { Step } from './step.ts';
import type { AppTarget, ServiceTarget } from './target.ts';

/** Images first, then what they turn out to ask for: as engine/apps does. */
function bringUp(world: World, target: AppTarget): Step[] {
  const images = plan(world, target, { rebuild: false }).filter((step) => /image/.test(step.kind));
  for (const step of images) apply(world, step, target);
  const rest = plan(world, target, { rebuild: false });
  for (const step of rest) apply(world, step, target);
  world.fresh = new Set();
  world.last = Object.fromEntries(
    target.services.map(({ name, hash, settings, buildFingerprint }) => [
      name,
      { hash, settings, buildFingerprint, dependsOn: [] },
    ]),
  );
  return [...images, ...rest];
}

test('from any state one run leads to the target, and a second run does nothing', () => {
  fc.assert(
    fc.property(worlds, targets, (world, target) => {
      bringUp(world, target);
      assert.deepEqual(bringUp(world, target), [], 'a second run still has steps');
      const wanted = target.services.flatMap((one) => one.replicas.map((replica) => replica.name)).sort();
      assert.deepEqual(world.containers.map((one) => one.name).sort(), wanted);
      for (const one of world.containers) {
        const service = target.services.find((each) => each.name === one.service);
        assert.equal(one.hash, service?.hash);
        assert.ok(
          ['running', 'paused', 'restarting'].includes(one.status) || one.completed,
          `${one.name} is ${one.status}`,
        );
        assert.ok(one.completed || one.traffic === undefined, `${one.name} is kept from requests`);
      }
    }),
    { numRuns: 2000 },
  );
});

test('a crash after any step is repaired by running again', () => {
  fc.assert(
    fc.property(worlds, targets, fc.nat(30), (world, target, crash) => {
      const steps = plan(world, target, { rebuild: false });
      const images = steps.filter((step) => /image/.test(step.kind));
      for (const step of images.slice(0, crash)) apply(world, step, target);
      if (crash > images.length)
        for (const step of plan(world, target, { rebuild: false }).slice(0, crash - images.length))
          apply(world, step, target);
      bringUp(world, target);
      assert.deepEqual(bringUp(world, target), []);
    }),
    { numRuns: 2000 },
  );
});

/** Replicas of a service that may be given requests now. */
function readyReplicas(world: World, service: string): number {
  const ready = world.containers.filter(
    (one) =>
      one.service === service &&
      one.status === 'running' &&
      one.traffic === undefined &&
      (one.health === 'none' || one.health === 'healthy'),
  );
  return new Set(ready.map((one) => one.replica)).size;
}

test('at no moment of an update do fewer replicas answer than was promised', () => {
  fc.assert(
    fc.property(worlds, targets, (world, target) => {
      for (const step of plan(world, target, { rebuild: false }))
        if (/image/.test(step.kind)) apply(world, step, target);
      const promised = target.services.map(({ name, replicas, update, joins, dependsOn }) => {
        const now = Math.min(readyReplicas(world, name), replicas.length);
        const atOnce = update.parallelism === 0 ? replicas.length : update.parallelism;
        // One that runs to its end does not answer for ever, and whoever paused one did not want it to.
        const isAwaitedEnd = target.services.some((other) =>
          other.dependsOn.some((on) => on.service === name && on.condition === 'completed'),
        );
        const ends =
          isAwaitedEnd ||
          world.containers.some((one) => one.service === name && (one.completed || one.status === 'paused'));
        const isInterrupted = ends || joins.length > 0 || dependsOn.some((one) => one.restart);
        const below = update.order === 'stop-first' ? atOnce : 0;
        return { name, atLeast: isInterrupted ? 0 : now - below };
      });
      for (const step of plan(world, target, { rebuild: false })) {
        apply(world, step, target);
        for (const { name, atLeast } of promised)
          assert.ok(
            readyReplicas(world, name) >= atLeast,
            `${readyReplicas(world, name)} of ${name} answer after ${JSON.stringify(step)}, promised: ${atLeast}`,
          );
      }
    }),
    { numRuns: 3000 },
  );
});

function isSame(old: ServiceTarget | undefined, now: ServiceTarget | undefined): boolean {
  return (
    old?.hash === now?.hash &&
    old?.replicas.length === now?.replicas.length &&
    (old?.build === undefined) === (now?.build === undefined)
  );
}

test('what is as wanted is never touched', () => {
  fc.assert(
    fc.property(targets, targets, (before, after) => {
      const world = emptyWorld();
      bringUp(world, before);
      const steps = plan(world, after, { rebuild: false });
      const reachOf = (one: AppTarget, name: string): string | undefined =>
        one.services.find((each) => each.name === name)?.reach?.hash;
      for (const step of steps.filter(({ kind }) => kind === 'place-service' || kind === 'withdraw-service'))
        assert.ok('service' in step && reachOf(before, step.service) !== reachOf(after, step.service));
      const touched = new Set(
        steps
          .filter(({ kind }) => kind !== 'place-service' && kind !== 'withdraw-service')
          .flatMap((step) => ('service' in step && !step.kind.startsWith('wait-') ? [step.service] : [])),
      );
      for (const name of touched) {
        const [old, now] = [before, after].map((one) => one.services.find((each) => each.name === name));
        const follows = now?.dependsOn.some((on) => on.restart && touched.has(on.service)) ?? false;
        const joins = now?.joins.some((one) => touched.has(one)) ?? false;
        assert.ok(!isSame(old, now) || follows || joins, `${name} did not change, but the plan touches it`);
      }
    }),
    { numRuns: 1000 },
  );
});

test('down leaves nothing of the app, and nothing of others is touched', () => {
  fc.assert(
    fc.property(worlds, targets, (world, target) => {
      for (const step of planDown(app, world, { volumes: true })) apply(world, step, target);
      assert.deepEqual(world.containers, []);
      assert.deepEqual(world.volumes, []);
      assert.deepEqual(
        world.networks.map((one) => one.name),
        ['foreign'],
      );
    }),
    { numRuns: 500 },
  );
});
