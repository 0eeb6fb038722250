import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unknownFields, type CreateBody } from './container-schemas.ts';

test('a field that has no effect is named, unless it asks for nothing', () => {
  const parse: (text: string) => CreateBody = JSON.parse;
  const asked = { KernelMemory: 0, CpuCount: 2, IOMaximumIOps: 0, Strange: '' };
  const body = parse(JSON.stringify({ name: 'web', Odd: 1, HostConfig: asked }));
  assert.deepEqual(unknownFields(body), [
    'The field Odd is not known and has no effect.',
    'The field HostConfig.CpuCount is not known and has no effect.',
    'The field HostConfig.Strange is not known and has no effect.',
  ]);
});
