import assert from 'node:assert/strict';
import type { ObservedApp, ObservedContainer } from '#domain/app/observed.ts';
import type { Step, StepKind } from '#domain/app/step.ts';
import type { AppTarget } from '#domain/app/target.ts';

// A model of the engine for property tests: each step changes it as its executor changes the real one, and what
// the real one would refuse fails an assertion.

export const app = 'shop';

export interface World {
  containers: ObservedContainer[];
  networks: ObservedApp['networks'];
  volumes: ObservedApp['volumes'];
  images: Record<string, string | undefined>;
  imageIds: ReadonlySet<string>;
  probedImages: Set<string>;
  fresh: Set<string>;
  reaches: ObservedApp['reaches'];
  last: ObservedApp['last'];
  made: number;
}

export function emptyWorld(): World {
  return {
    containers: [],
    networks: [],
    volumes: [],
    images: {},
    imageIds: new Set(),
    probedImages: new Set(),
    fresh: new Set(),
    last: {},
    reaches: {},
    made: 0,
  };
}

export function apply(world: World, step: Step, target: AppTarget): void {
  dispatch(world, step, target);
}

function dispatch<K extends StepKind>(world: World, step: Step<K>, target: AppTarget): void {
  const effects: Effects = allEffects;
  effects[step.kind](world, step, target);
}

type Effects = { [K in StepKind]: (world: World, step: Step<K>, target: AppTarget) => void };

const allEffects: Effects = {
  'pull-image': (world, step) => makeImage(world, step.image),
  'build-image': (world, step) => makeImage(world, step.image),
  'create-network': (world, step, target) => {
    const hash = target.networks.find((one) => one.key === step.network)?.hash ?? '';
    world.networks.push({ name: step.name, app, hash });
  },
  'create-volume': (world, step, target) => {
    const hash = target.volumes.find((one) => one.key === step.volume)?.hash ?? '';
    world.volumes.push({ name: step.name, app, hash });
  },
  'place-service': (world, step, target) => {
    const reach = target.services.find((one) => one.name === step.service)?.reach;
    world.reaches = { ...world.reaches, [step.service]: reach?.hash };
  },
  'withdraw-service': (world, step) => {
    const { [step.service]: gone, ...rest } = world.reaches;
    assert.ok(gone !== undefined, `${step.service} has no place to give up`);
    world.reaches = rest;
  },
  'create-container': add,
  'replace-container': (world, step, target) => {
    const former = byId(world, step.container);
    former.status = 'exited';
    former.name = `${former.id}_${step.name}`;
    add(world, step, target);
  },
  'rename-container': (world, step) => {
    assertFree(world, step.name);
    byName(world, step.from).name = step.name;
  },
  'shift-traffic': (world, step) => {
    for (const name of step.to) delete byName(world, name).traffic;
    for (const id of step.from) byId(world, id).traffic = 'draining';
  },
  'start-container': start,
  'restart-container': start,
  'stop-container': (world, step) => {
    byId(world, step.container).status = 'exited';
  },
  'remove-container': (world, step) => {
    const { status } = byId(world, step.container);
    assert.notEqual(status, 'running', 'a running container is removed without being stopped');
    world.containers = world.containers.filter((one) => one.id !== step.container);
  },
  'wait-healthy': recover,
  'wait-started': recover,
  'wait-completed': (world, step) => {
    for (const one of world.containers.filter((each) => each.service === step.service))
      [one.status, one.completed] = ['exited', true];
  },
  'wait-ready': (world, step) => {
    for (const name of step.names) {
      const one = byName(world, name);
      assert.ok(
        one.status !== 'created' && one.status !== 'dead',
        `${name} is waited for, but is ${one.status}`,
      );
      assert.notEqual(one.status, 'paused', `${name} is paused: it can never be ready`);
      if (one.status === 'restarting') one.status = 'running';
      if (one.health !== 'none') one.health = 'healthy';
    }
  },
  'wait-drained': (world, step) => {
    for (const id of step.containers) assert.notEqual(byId(world, id).traffic, undefined);
  },
  'wait-monitored': (world, step) => step.names.forEach((name) => byName(world, name)),
  'wait-delay': () => undefined,
  'remove-network': (world, step) => {
    world.networks = world.networks.filter((one) => one.name !== step.name);
  },
  'remove-volume': (world, step) => {
    world.volumes = world.volumes.filter((one) => one.name !== step.name);
  },
};

function makeImage(world: World, image: string): void {
  world.images[image] ??= `id-of-${image}`;
  world.fresh.add(image);
}

function byId(world: World, id: string): ObservedContainer {
  const found = world.containers.find((one) => one.id === id);
  assert.ok(found, `a step is about the container ${id}, which does not exist`);
  return found;
}

function byName(world: World, name: string): ObservedContainer {
  const found = world.containers.find((one) => one.name === name);
  assert.ok(found, `a step is about the container ${name}, which does not exist`);
  return found;
}

function assertFree(world: World, name: string): void {
  assert.ok(!world.containers.some((one) => one.name === name), `the name ${name} is taken`);
}

function add(
  world: World,
  { service, replica, name, held }: { service: string; replica: number; name: string; held?: boolean },
  target: AppTarget,
): void {
  assertFree(world, name);
  const wanted = target.services.find((one) => one.name === service);
  assert.ok(wanted);
  const imageId = world.images[wanted.image];
  assert.ok(imageId !== undefined, `the image ${wanted.image} is not there yet`);
  for (const network of target.networks) assert.ok(world.networks.some((one) => one.name === network.name));
  world.made += 1;
  const created = String(world.made).padStart(6, '0');
  const { hash } = wanted;
  const id = `new${world.made}`;
  const made = container({ id, name, service, replica, hash, imageId, created, status: 'created' });
  world.containers.push(held === true ? { ...made, traffic: 'held' } : made);
}

function start(world: World, step: { service: string; name: string }, target: AppTarget): void {
  const found = world.containers.find((one) => one.name === step.name);
  assert.ok(found, `${step.name} is started but does not exist`);
  checkDependencies(world, target, step.service);
  const wanted = target.services.find((one) => one.name === step.service);
  found.status = 'running';
  const isProbed =
    wanted?.probe === 'own' || (wanted?.probe === 'image' && world.probedImages.has(wanted.image));
  found.health = isProbed ? 'starting' : 'none';
}

function recover(world: World, step: { service: string }): void {
  const isProbed = (one: ObservedContainer): boolean => one.service === step.service && one.health !== 'none';
  for (const one of world.containers.filter(isProbed))
    if (one.status === 'running' || one.status === 'restarting')
      [one.status, one.health] = ['running', 'healthy'];
}

function checkDependencies(world: World, target: AppTarget, service: string): void {
  const needs = target.services.find((one) => one.name === service)?.dependsOn ?? [];
  for (const { service: needed } of needs)
    for (const { replica } of target.services.find((one) => one.name === needed)?.replicas ?? []) {
      const ready = world.containers.some(
        (one) => one.service === needed && one.replica === replica && hasStarted(one),
      );
      assert.ok(ready, `${service} is started before ${needed}, on which it depends`);
    }
}

function hasStarted({ status, completed }: ObservedContainer): boolean {
  return status !== 'created' && (status !== 'exited' || completed);
}

export function container(given: Partial<ObservedContainer>): ObservedContainer {
  return {
    id: 'c',
    name: 'c',
    service: 'a',
    replica: 1,
    hash: 'h1',
    imageId: 'id-of-img-a',
    created: '000000',
    status: 'running',
    health: 'none',
    completed: false,
    anonymousVolumes: [],
    ...given,
  };
}
