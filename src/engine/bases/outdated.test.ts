import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notFound, unavailable } from '#base/errors.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import type { Inventory } from '#domain/package/inventory.ts';
import { MemoryState, steppingClock } from '../../../test/support/image-room.ts';
import { Outdated } from './outdated.ts';
import type { AtRegistry } from './pulled-names.ts';

const digestOf = (name: string): Digest => `sha256:${Buffer.from(name).toString('hex').padStart(64, '0')}`;

function image(name: string, architecture = 'amd64'): Image {
  const id = digestOf(name);
  return {
    ...{ id, manifestDigest: id, chainId: id, layers: [], tags: [`docker.io/library/${name}:latest`] },
    ...{ repoDigests: [], size: 1, stored: '2026-01-01T00:00:00Z' },
    config: { architecture, os: 'linux', rootfs: { type: 'layers', diff_ids: [id] }, history: [] },
  };
}

const inventory = (suite: string, more: Partial<Inventory> = {}): Inventory => ({
  ...{ kind: 'deb', distribution: 'debian', release: '', suite, packages: [dash] },
  ...more,
});
const dash = {
  ...{ name: 'dash', version: '1', architecture: 'amd64', source: 'dash', sourceVersion: '1' },
  ...{ maintainer: '', homepage: '', summary: '', licence: '' },
};

function outdatedOf(
  inventories: Record<string, Inventory | undefined>,
  offers: Error | string,
  registries: Record<string, AtRegistry> = {},
): Outdated {
  const images = Object.keys(inventories).map((name) =>
    image(name, name === 'foreign' ? 'arm64' : undefined),
  );
  return new Outdated({
    images: { list: () => images },
    containers: { list: () => [] },
    inventories: {
      of: ({ chainId }) => {
        const name = images.find((one) => one.chainId === chainId)?.tags[0]?.split(/[/:]/)[2] ?? '';
        return Promise.resolve(inventories[name]);
      },
    },
    bootstrapper: {
      offers: ({ suite }) => {
        if (suite === 'buster') return Promise.reject(notFound('suite-unknown', 'no such suite'));
        if (typeof offers !== 'string') return Promise.reject(offers);
        return Promise.resolve([{ name: 'dash', version: offers, suite }]);
      },
    },
    builds: { recordOf: () => undefined },
    pulled: { ask: () => Promise.resolve(new Map(Object.entries(registries))) },
    tried: { reason: () => undefined },
    leftAlone: () => undefined,
    ...{ store: new MemoryState(), clock: steppingClock() },
    architecture: 'amd64',
  });
}

const report = (outdated: Outdated): ReturnType<Outdated['report']> =>
  outdated.report(() => undefined, new AbortController().signal);

test('what cannot be compared is said with the reason and hides nothing', async () => {
  const alpine = { ...inventory(''), kind: 'apk', distribution: 'alpine' } as const;
  const { images, unknown } = await report(
    outdatedOf(
      {
        ...{ app: inventory('bookworm'), old: inventory('buster'), scratch: undefined },
        ...{ alpine, foreign: inventory('bookworm'), nowhere: inventory('') },
      },
      '2',
    ),
  );
  assert.deepEqual(
    images.map(({ names, packages }) => [names, packages.map(({ candidate }) => candidate)]),
    [[['docker.io/library/app:latest'], ['2']]],
  );
  assert.deepEqual(Object.fromEntries(unknown.map(({ name, reason }) => [name.split(/[/:]/)[2], reason])), {
    scratch: 'it has no package database',
    alpine: "its packages are of alpine, the mirror is Debian's",
    foreign: "it is for arm64, the mirror's lists are for amd64",
    nowhere: 'it does not say of which suite its packages are',
    old: 'no such suite',
  });
});

test('an image whose packages cannot be compared is compared by what its registry has', async () => {
  const alpine = { ...inventory(''), kind: 'apk', distribution: 'alpine' } as const;
  const outdated = outdatedOf({ alpine, busybox: undefined, nginx: alpine }, '2', {
    'docker.io/library/alpine:latest': 'newer',
    'docker.io/library/busybox:latest': 'same',
    'docker.io/library/nginx:latest': { reason: 'docker.io does not answer' },
  });
  const { images, unknown } = await report(outdated);
  assert.deepEqual(
    images.map(({ names, newer, packages }) => [names, newer, packages]),
    [[['docker.io/library/alpine:latest'], ['docker.io/library/alpine:latest'], []]],
  );
  assert.deepEqual(unknown, [
    {
      name: 'docker.io/library/nginx:latest',
      reason: "its packages are of alpine, the mirror is Debian's; docker.io does not answer",
    },
  ]);
});

test('since when an image is outdated is remembered', async () => {
  const outdated = outdatedOf({ app: inventory('bookworm') }, '2');
  const [first] = (await report(outdated)).images;
  const [second] = (await report(outdated)).images;
  assert.ok(first);
  assert.equal(second?.since, first.since);
});

test('a mirror that cannot be asked is an error, not a clean report', async () => {
  const outdated = outdatedOf({ app: inventory('bookworm') }, unavailable('mirror-unreachable', 'away'));
  await assert.rejects(report(outdated), { code: 'mirror-unreachable' });
});

test('the same and older versions are not newer', async () => {
  for (const version of ['1', '0.9', '1~rc1'])
    assert.deepEqual((await report(outdatedOf({ app: inventory('bookworm') }, version))).images, []);
});
