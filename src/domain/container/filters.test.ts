import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import type { Container } from './container.ts';
import { checkFilterValues, includesStopped, matchesFilters } from './filters.ts';
import { newState } from './state.ts';

const container: Container = {
  id: 'abcdef',
  name: 'web_1',
  created: '2026-01-02T00:00:00Z',
  imageId: 'sha256:1',
  imageName: 'x',
  platform: 'linux',
  config: { ExposedPorts: { '80/tcp': {} } },
  hostConfig: {},
  path: 'sh',
  args: [],
  mounts: [],
  endpoints: [],
  ports: [{ container: '80/tcp', hostIp: '', hostPort: 8080 }],
  state: { ...newState(), status: 'exited', exitCode: 3 },
};
const context = {
  find: () => undefined,
  descendants: (name: string) => (name === 'base' ? ['sha256:1'] : []),
};
const matches = (key: string, ...values: string[]) =>
  matchesFilters(container, new Map([[key, values]]), context);

describe('list filters', () => {
  const cases: [string, string, boolean][] = [
    ['id', 'abc', true],
    ['id', 'bcd', false],
    ['name', 'web', true],
    ['name', '^/web_1$', true],
    ['name', '^eb', false],
    ['status', 'exited', true],
    ['status', 'running', false],
    ['exited', '3', true],
    ['exited', '0', false],
    ['health', 'none', true],
    ['health', 'healthy', false],
    ['ancestor', 'base', true],
    ['ancestor', 'other', false],
    ['publish', '8080', true],
    ['publish', '8000-8090/tcp', true],
    ['publish', '8080/udp', false],
    ['expose', '80/tcp', true],
    ['expose', '81', false],
    ['is-task', 'false', true],
  ];
  for (const [key, value, expected] of cases)
    it(`${key}=${value} ${expected ? 'accepts' : 'rejects'}`, () =>
      assert.equal(matches(key, value), expected));

  it('takes the values of one key as alternatives', () => {
    assert.equal(matches('status', 'running', 'exited'), true);
  });

  it('refuses values that no container can have', () => {
    assert.throws(() => checkFilterValues(new Map([['status', ['bogus']]])), /invalid filter 'status=bogus'/);
    assert.throws(() => checkFilterValues(new Map([['exited', ['x']]])), /invalid filter/);
    for (const key of ['publish', 'expose'])
      assert.throws(() => checkFilterValues(new Map([[key, ['80', 'x']]])), /invalid filter '\w+=x'/);
    checkFilterValues(new Map([['publish', ['80', '80/udp', '80-90/tcp']]]));
    assert.throws(() => matches('before', 'nobody'), /No such container: nobody/);
  });

  it('shows stopped containers when asked for their state', () => {
    assert.equal(includesStopped(new Map([['status', ['exited']]])), true);
    assert.equal(includesStopped(new Map([['name', ['x']]])), false);
  });
});
