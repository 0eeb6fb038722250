import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSince } from './kernel-version.ts';

test('kernels are told apart by their first two numbers', () => {
  for (const version of ['6.7.0', '6.18.44-fc-v657', '7.0-rc1', '6.7-arch1'])
    assert.ok(isSince(version, 6, 7), version);
  for (const version of ['6.1.0-18-amd64', '5.15.0', '6.6.99']) assert.ok(!isSince(version, 6, 7), version);
});
