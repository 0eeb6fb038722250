import fc from 'fast-check';
import type { DependencyCondition } from '#domain/app/model.ts';
import type { AppTarget, ServiceTarget } from '#domain/app/target.ts';
import type { UpdatePolicy } from '#domain/app/update.ts';
import { app, container, type World } from './app-world.ts';

// Targets and worlds of a small app, for property tests.

const names = ['a', 'b', 'c', 'd'];

const condition = fc.constantFrom<DependencyCondition[]>('started', 'healthy', 'completed');

const policies: fc.Arbitrary<UpdatePolicy> = fc.record({
  order: fc.constantFrom('start-first', 'stop-first'),
  parallelism: fc.integer({ min: 0, max: 2 }),
  delay: fc.constantFrom(0, 1),
  monitor: fc.constantFrom(0, 1),
  maxFailureRatio: fc.constant(0),
  failureAction: fc.constant('rollback' as const),
  drain: fc.constantFrom(0, 10),
});

function reached(hash: string): NonNullable<ServiceTarget['reach']> {
  return { hash, networks: [], mode: 'vip', portNames: [], ports: [], avoid: [] };
}

/** Each service may depend on those before it, so there is no circle. */
export const targets: fc.Arbitrary<AppTarget> = fc
  .tuple(
    ...names.map((name, index) =>
      fc.record({
        wanted: fc.boolean(),
        replicas: fc.integer({ min: 0, max: 3 }),
        hash: fc.constantFrom('h1', 'h2'),
        built: fc.boolean(),
        probe: fc.constantFrom('own', 'off', 'image' as const),
        needs: fc.subarray(names.slice(0, index)),
        condition,
        restart: fc.boolean(),
        joins: fc.boolean(),
        update: policies,
        reach: fc.constantFrom(undefined, 'r1', 'r2'),
        name: fc.constant(name),
      }),
    ),
  )
  .map((all) => {
    const chosen = all.filter((one) => one.wanted);
    const services = chosen.map((one): ServiceTarget => {
      const reach = one.reach === undefined ? undefined : reached(one.reach);
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
        update: one.update,
        ...(reach === undefined ? {} : { reach }),
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
export const worlds: fc.Arbitrary<World> = fc
  .record({
    containers: fc.array(
      fc.record({
        service: fc.constantFrom(...names, 'orphan'),
        replica: fc.integer({ min: 1, max: 4 }),
        hash: fc.constantFrom('h1', 'h2', 'h3'),
        image: fc.constantFrom('id-of-img-', 'old-'),
        status: fc.constantFrom('created', 'running', 'exited', 'dead', 'paused', 'restarting' as const),
        health: fc.constantFrom('none', 'starting', 'healthy', 'unhealthy' as const),
        completed: fc.boolean(),
        named: fc.boolean(),
        traffic: fc.constantFrom(undefined, undefined, 'held', 'draining' as const),
      }),
      { maxLength: 8 },
    ),
    network: fc.boolean(),
    oldNetwork: fc.boolean(),
    volume: fc.boolean(),
    images: fc.subarray(names),
    probedImages: fc.subarray(names),
    built: fc.boolean(),
    reaches: fc.dictionary(fc.constantFrom(...names, 'orphan'), fc.constantFrom('r1', 'r2')),
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
        ...(one.traffic === undefined ? {} : { traffic: one.traffic }),
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
      reaches: given.reaches,
      last: Object.fromEntries(names.map((name) => [name, last])),
      made: 0,
    };
  });
