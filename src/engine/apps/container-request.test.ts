import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canaryTarget } from '#domain/app/canary.ts';
import type { Service } from '#domain/app/model.ts';
import { pinned } from '#domain/app/pinned.ts';
import { appTarget, type AppTarget } from '#domain/app/target.ts';
import { containerRequest } from './container-request.ts';
import { composeLabels } from './observe.ts';

const origin = { app: 'shop', revision: 1, folder: '/shop', files: ['compose.yaml'] };

function target(image: string): AppTarget {
  const lists = { dependsOn: [], networks: [], ports: [], mounts: [], secrets: [], configs: [] };
  const web: Service = {
    ...{ name: 'web', image, pullPolicy: 'missing', replicas: 1 },
    ...lists,
    ...{ container: {}, host: {} },
  };
  const shared = { networks: {}, volumes: {}, secrets: {}, configs: {} };
  return pinned(appTarget({ name: 'shop', services: { web }, ...shared }, {}), () => `id of ${image}`);
}

test('a canary is made of the image that is tried, its neighbour of the one in force', () => {
  const [service] = canaryTarget(target('old'), target('new'), 0.5).services;
  assert.ok(service);
  const requests = service.replicas.map((replica) =>
    containerRequest({ find: () => undefined }, origin, service, replica),
  );
  assert.deepEqual(
    requests.map(({ name, config }) => [name, config.Image, config.Labels?.[composeLabels.hash]]),
    [
      ['shop-web-1', 'id of old', target('old').services[0]?.hash],
      ['shop-web-2', 'id of new', target('new').services[0]?.hash],
    ],
  );
});
