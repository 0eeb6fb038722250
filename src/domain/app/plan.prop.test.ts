import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { app, apply, container, emptyWorld, type World } from '../../../test/support/app-world.ts';
import type { DependencyCondition } from './model.ts';
import { planDown } from './plan-down.ts';
import { plan } from './plan.ts';
import type { Step } from './step.ts';
import type { AppTarget, ServiceTarget } from './target.ts';

const names = ['a', 'b', 'c', 'd'];

const condition = fc.constantFrom<DependencyCondition[]>('started', 'healthy', 'completed');

/** Each service may depend on those before it, so there is no circle. */
const targets: fc.Arbitrary<AppTarget> = fc
  .tuple(
    ...names.map((name, index) =>
      fc.record({
        wanted: fc.boolean(),
        replicas: fc.integer({ min: 0, max: 2 }),
        hash: fc.constantFrom('h1', 'h2'),
        built: fc.boolean(),
        probe: fc.constantFrom('own', 'off', 'image' as const),
        needs: fc.subarray(names.slice(0, index)),
        condition,
        restart: fc.boolean(),
        joins: fc.boolean(),
        name: fc.constant(name),
      }),
    ),
  )
  .map((all) => {
    const chosen = all.filter((one) => one.wanted);
    const services = chosen.map((one): ServiceTarget => {
      const needs = one.needs.filter((need) => chosen.some((other) => other.name === need));
      return {
        name: one.name,
        image: `img-${one.name}`,
        pullPolicy: 'missing',
        ...(one.built
          ? {
              build: {
                context: '/c',
                dockerfile: 'Dockerfile',
                args: {},
                labels: {},
                tags: [],
                extraHosts: [],
                noCache: false,
                pull: false,
              },
            }
          : {}),
        buildFingerprint: one.built ? 'f' : '',
        dependsOn: needs.map((service) => ({
          service,
          condition: one.condition,
          required: true,
          restart: one.restart,
        })),
        joins: one.joins ? needs.slice(0, 1) : [],
        probe: one.probe,
        hash: one.hash,
        settings: {},
        replicas: Array.from({ length: one.replicas }, (_, at) => ({
          replica: at + 1,
          name: `${app}-${one.name}-${at + 1}`,
          request: { config: {}, hostConfig: {}, endpoints: {} },
        })),
      };
    });
    const base = { external: false, driverOpts: {}, labels: {}, hash: 'n' };
    return {
      app,
      model: { name: app, services: {}, networks: {}, volumes: {}, secrets: {}, configs: {} },
      networks: [
        {
          ...base,
          key: 'default',
          name: `${app}_default`,
          internal: false,
          attachable: false,
          ipv6: false,
          pools: [],
        },
      ],
      volumes: [{ ...base, key: 'data', name: `${app}_data` }],
      services,
    };
  });

/** Whatever a crash, a person or an older file may have left. */
const worlds: fc.Arbitrary<World> = fc
  .record({
    containers: fc.array(
      fc.record({
        service: fc.constantFrom(...names, 'orphan'),
        replica: fc.integer({ min: 1, max: 3 }),
        hash: fc.constantFrom('h1', 'h2', 'h3'),
        image: fc.constantFrom('id-of-img-', 'old-'),
        status: fc.constantFrom('created', 'running', 'exited', 'dead', 'paused', 'restarting' as const),
        health: fc.constantFrom('none', 'starting', 'healthy', 'unhealthy' as const),
        completed: fc.boolean(),
        named: fc.boolean(),
      }),
      { maxLength: 8 },
    ),
    network: fc.boolean(),
    oldNetwork: fc.boolean(),
    volume: fc.boolean(),
    images: fc.subarray(names),
    probedImages: fc.subarray(names),
    built: fc.boolean(),
  })
  .map((given) => {
    const taken = new Set<string>();
    const containers = given.containers.map((one, index) => {
      const proper = `${app}-${one.service}-${one.replica}`;
      const name = one.named && !taken.has(proper) ? proper : `x${index}_${proper}`;
      taken.add(name);
      const { service, replica, hash, status, health } = one;
      const completed = one.completed && status === 'exited';
      const imageId = one.image === 'old-' ? 'old' : `id-of-img-${service}`;
      return container({
        id: `c${index}`,
        name,
        service,
        replica,
        hash,
        status,
        health,
        completed,
        imageId,
        created: String(index).padStart(6, '0'),
      });
    });
    const last = { hash: 'h1', settings: {}, buildFingerprint: given.built ? 'f' : 'g', dependsOn: [] };
    return {
      containers,
      networks: [
        ...(given.network ? [{ name: `${app}_default`, app, hash: 'n' }] : []),
        ...(given.oldNetwork ? [{ name: `${app}_old`, app, hash: 'n' }] : []),
        { name: 'foreign', hash: '' },
      ],
      volumes: given.volume ? [{ name: `${app}_data`, app, hash: 'n' }] : [],
      images: Object.fromEntries(given.images.map((name) => [`img-${name}`, `id-of-img-${name}`])),
      imageIds: new Set<string>(),
      probedImages: new Set(given.probedImages.map((name) => `img-${name}`)),
      fresh: new Set<string>(),
      last: Object.fromEntries(names.map((name) => [name, last])),
      made: 0,
    };
  });

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

test('what is as wanted is never touched', () => {
  fc.assert(
    fc.property(targets, targets, (before, after) => {
      const world = emptyWorld();
      bringUp(world, before);
      const steps = plan(world, after, { rebuild: false });
      const touched = new Set(
        steps.flatMap((step) => ('service' in step && !step.kind.startsWith('wait-') ? [step.service] : [])),
      );
      for (const name of touched) {
        const [old, now] = [before, after].map((one) => one.services.find((each) => each.name === name));
        const follows = now?.dependsOn.some((on) => on.restart && touched.has(on.service)) ?? false;
        const joins = now?.joins.some((one) => touched.has(one)) ?? false;
        const same =
          old?.hash === now?.hash &&
          old?.replicas.length === now?.replicas.length &&
          (old?.build === undefined) === (now?.build === undefined);
        assert.ok(!same || follows || joins, `${name} did not change, but the plan touches it`);
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
