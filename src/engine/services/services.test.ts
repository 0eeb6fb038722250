import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container, ContainerState } from '#domain/container/container.ts';
import type { ServiceEndpoint } from '#engine/contracts/services.ts';
import { Services } from './services.ts';

const state: ContainerState = {
  status: 'running',
  pid: 1,
  exitCode: 0,
  error: '',
  oomKilled: false,
  startedAt: '',
  finishedAt: '',
  restartCount: 0,
  stoppedByUser: false,
};

function replica(number: number, changes: Partial<Container> = {}): Container {
  return {
    id: `id${number}`,
    name: `shop-web-${number}`,
    created: '',
    imageId: '',
    imageName: '',
    platform: '',
    config: {},
    hostConfig: {},
    path: '',
    args: [],
    mounts: [],
    endpoints: [],
    ports: [],
    state,
    identity: { app: 'shop', service: 'web', revision: 1, replica: number },
    ...changes,
  };
}

function room(list: Container[]): {
  services: Services;
  put: (container: Container) => void;
  told: number[][];
} {
  let listener: (container: Container) => void = () => undefined;
  const told: number[][] = [];
  const services = new Services({
    containers: {
      list: () => list,
      onChange: (given) => {
        listener = given;
        return () => undefined;
      },
    },
    clock: { sleep: () => Promise.reject(new Error('nothing is to be tried again')) },
    report: (problem, error) => assert.fail(`${problem}: ${String(error)}`),
  });
  services.follow({
    apply: (_app: string, _service: string, ready: readonly ServiceEndpoint[]) => {
      told.push(ready.map((one) => one.replica));
      return Promise.resolve();
    },
  });
  return { services, put: (container) => listener(container), told };
}

describe('services', () => {
  it('tell their followers who is ready, at first and after each change of that', async () => {
    const { services, put, told } = room([replica(2), replica(1)]);
    await services.settled('shop', 'web');
    put(replica(2, { traffic: 'draining' }));
    put(replica(2, { traffic: 'draining', state: { ...state, restartCount: 1 } }));
    await services.settled('shop', 'web');
    assert.deepEqual(told, [[1, 2], [1]]);
  });

  it('tell who is to leave until it has left', async () => {
    const { services, put } = room([replica(1), replica(2)]);
    put(replica(2, { traffic: 'draining' }));
    assert.deepEqual(
      services.draining('shop', 'web').map((one) => one.replica),
      [2],
    );
    put(replica(2, { traffic: 'draining', state: { ...state, status: 'exited' } }));
    assert.deepEqual(services.draining('shop', 'web'), []);
    await services.settled('shop', 'web');
  });

  it('count a replica as ready once it is healthy and let in', () => {
    const starting = { ...state, health: { status: 'starting' as const, failingStreak: 0, log: [] } };
    const { services, put } = room([replica(1, { state: starting })]);
    assert.deepEqual(services.ready('shop', 'web'), []);
    put(replica(1, { traffic: 'held' }));
    assert.deepEqual(services.ready('shop', 'web'), []);
    put(replica(1));
    assert.equal(services.ready('shop', 'web').length, 1);
    put(replica(1, { state: { ...state, status: 'removing' } }));
    assert.deepEqual(services.ready('shop', 'web'), []);
  });

  it('ask a follower again that failed, later each time, until it has done what is by then', async () => {
    const waits: number[] = [];
    const problems: string[] = [];
    const { promise, resolve } = Promise.withResolvers<number[]>();
    const services = new Services({
      containers: { list: () => [replica(1)], onChange: () => () => undefined },
      clock: {
        sleep: (ms) => {
          waits.push(ms);
          return Promise.resolve();
        },
      },
      report: (problem) => problems.push(problem),
    });
    let tries = 0;
    services.follow({
      apply: (_app, _service, ready) => {
        tries += 1;
        if (tries < 4) return Promise.reject(new Error('the kernel is busy'));
        resolve(ready.map((one) => one.replica));
        return Promise.resolve();
      },
    });
    assert.deepEqual(await promise, [1]);
    assert.deepEqual(waits, [200, 400, 800]);
    assert.equal(problems.length, 3);
  });
});
