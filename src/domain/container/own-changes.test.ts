import { describe, it, test } from 'node:test';
import assert from 'node:assert/strict';
import { othersChanges, ownChanges } from './own-changes.ts';

const added = (path: string) => ({ path, kind: 'added' }) as const;
const modified = (path: string) => ({ path, kind: 'modified' }) as const;

describe("a container's own changes", () => {
  it('leave out what the runtime mounts upon, and the folders that changed only by that', () => {
    const changes = [
      modified('/etc'),
      added('/etc/hosts'),
      added('/etc/resolv.conf'),
      added('/proc'),
      added('/new'),
    ];
    assert.deepEqual(ownChanges(changes), [added('/new')]);
  });

  it('keep a folder in which something else changed too', () => {
    const changes = [modified('/etc'), added('/etc/hosts'), added('/etc/mine')];
    assert.deepEqual(ownChanges(changes), [modified('/etc'), added('/etc/mine')]);
  });

  it("keep a change of the image's own file", () => {
    const changes = [modified('/etc'), modified('/etc/hosts'), { path: '/bin/x', kind: 'deleted' } as const];
    assert.deepEqual(ownChanges(changes), changes);
  });
});

test('all other changes are left out of a commit, but for folders that hold own ones', () => {
  const changes = [
    added('/.dockerenv'),
    added('/etc'),
    added('/etc/hosts'),
    added('/etc/mine'),
    modified('/x'),
  ];
  assert.deepEqual(othersChanges(changes), ['/.dockerenv', '/etc/hosts']);
});
