import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppParts } from './parts.ts';
import type { Run } from './run.ts';
import { fake } from '../../../test/support/container-room.ts';
import { watchUntilWell } from './watching.ts';

test('a service that is well is waited for until it is given requests', async () => {
  const spread = Promise.withResolvers<void>();
  const asked: string[] = [];
  const parts = fake<AppParts>({
    clock: fake<AppParts['clock']>({ sleep: () => new Promise(() => undefined) }),
    containers: fake<AppParts['containers']>({ onChange: () => () => undefined }),
    services: {
      settled: (app, service) => {
        asked.push(`${app}/${service}`);
        return spread.promise;
      },
    },
  });
  const run = fake<Run>({ parts, app: 'shop', timeout: 1, signal: new AbortController().signal });
  let isOver = false;
  const watched = watchUntilWell(run, {
    service: 'web',
    goal: 'run',
    mine: () => [fake({})],
    judge: () => ({ ok: true }),
  }).then(() => (isOver = true));
  await new Promise((resolve) => void setImmediate(resolve));
  assert.deepEqual([asked, isOver], [['shop/web'], false]);
  spread.resolve();
  await watched;
});
