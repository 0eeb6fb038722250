import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSocket } from '#domain/access/scope.ts';

const wanted = (allow: string[], labels: Record<string, string> = {}, path = '/run/x.sock') =>
  checkSocket({ path, allow, labels });

test('scopes are taken once each; labels go with scopes of containers and events', () => {
  assert.deepEqual(wanted(['containers:read', 'containers:read']).allow, ['containers:read']);
  assert.deepEqual(wanted(['containers:logs', 'events:read'], { a: 'b' }).labels, { a: 'b' });
});

test('refused: an unknown scope with the nearest, nothing, a scope that labels cannot narrow, a wrong path', () => {
  assert.throws(
    () => wanted(['containers:red']),
    /unknown scope 'containers:red', did you mean 'containers:read'\?/,
  );
  assert.throws(() => wanted(['toString']), /unknown scope/);
  assert.throws(() => wanted([]), /would allow nothing/);
  assert.throws(() => wanted(['containers:create'], { a: 'b' }), /cannot be narrowed by a label/);
  for (const path of ['x.sock', '/run/', `/${'ü'.repeat(54)}`])
    assert.throws(() => wanted(['events:read'], {}, path), /absolute path of at most 107 bytes/);
});
