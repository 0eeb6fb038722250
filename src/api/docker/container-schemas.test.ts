import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitBody } from './body.ts';
import { createBody, unknownWarnings } from './container-schemas.ts';

const fit = (body: object) => fitBody(createBody, body);

test('a field that has no effect is named, unless it asks for nothing', () => {
  const asked = { KernelMemory: 0, CpuCount: 2, IOMaximumIOps: 0, Strange: '', LogConfig: { Odd: true } };
  assert.deepEqual(unknownWarnings(fit({ name: 'web', Odd: 1, HostConfig: asked }).unknown), [
    'The field Odd is not known and has no effect.',
    'The field HostConfig.CpuCount is not known and has no effect.',
    'The field HostConfig.Strange is not known and has no effect.',
    'The field HostConfig.LogConfig.Odd is not known and has no effect.',
  ]);
});

test('names of fields are found in any case, and null stands for nothing but inside of maps', () => {
  const given = {
    image: 'a',
    Cmd: null,
    Labels: { Key: 'value' },
    hostconfig: { Memory: null, mounts: [{ TARGET: '/x', Source: null }], PortBindings: { '80/tcp': null } },
  };
  assert.deepEqual(fit(given), {
    body: {
      Image: 'a',
      Labels: { Key: 'value' },
      HostConfig: { Mounts: [{ Target: '/x' }], PortBindings: { '80/tcp': null } },
    },
    unknown: [],
  });
});
