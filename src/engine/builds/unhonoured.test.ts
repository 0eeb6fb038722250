import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildRequest } from '#engine/contracts.ts';
import { refuseUnhonoured } from './unhonoured.ts';

const request: BuildRequest = {
  context: { folder: '/' },
  tags: [],
  buildArgs: {},
  labels: {},
  onProgress: () => undefined,
  signal: AbortSignal.abort(),
};

test('an option that is not offered is refused by its name, an empty one is not', () => {
  refuseUnhonoured({ ...request, cacheTo: [] });
  assert.throws(() => {
    refuseUnhonoured({ ...request, attest: { sbom: true } });
  }, /the option 'attest' of a build is not offered/);
});
