import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArchiveManifest, parseImageConfig, parseIndex, parseManifest } from './documents.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const descriptor = { mediaType: 'x', digest, size: 3 };

test('a manifest keeps its parts, an unknown field does no harm', () => {
  const manifest = parseManifest(
    JSON.stringify({ schemaVersion: 2, config: descriptor, layers: [descriptor], future: 1 }),
  );
  assert.deepEqual(manifest.layers, [descriptor]);
  assert.equal(parseIndex(JSON.stringify({ schemaVersion: 2, manifests: [descriptor] })).manifests.length, 1);
});

test('what is wrong in a document is said with its place', () => {
  const bad = (document: object): string => {
    try {
      parseManifest(JSON.stringify(document), 'the manifest of x');
    } catch (error) {
      return error instanceof Error ? error.message : '';
    }
    return 'accepted';
  };
  const good = { schemaVersion: 2, config: descriptor, layers: [descriptor] };
  assert.match(
    bad({ ...good, layers: [{ ...descriptor, digest: 'sha256:12' }] }),
    /^reading the manifest of x: 'layers\/0\/digest'/,
  );
  assert.match(bad({ ...good, schemaVersion: 1 }), /'schemaVersion'/);
  assert.match(bad({ ...good, config: { ...descriptor, size: -1 } }), /'config\/size'/);
  assert.match(bad({ schemaVersion: 2 }), /config/);
  assert.throws(() => parseManifest('{', 'x'), /reading x: it is not JSON/);
});

test('a config with nulls, as old builders wrote it, is read', () => {
  const config = parseImageConfig(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Cmd: null, Env: ['A=1'], Volumes: { '/data': {} }, Labels: null },
      rootfs: { type: 'layers', diff_ids: null },
      history: null,
    }),
  );
  assert.deepEqual(config.rootfs.diff_ids, []);
  assert.deepEqual(config.config?.Env, ['A=1']);
  assert.throws(
    () =>
      parseImageConfig(
        JSON.stringify({
          architecture: 'amd64',
          os: 'linux',
          config: { Env: 'A=1' },
          rootfs: { type: 'layers' },
        }),
      ),
    /'config/,
  );
});

test('the manifest.json of an archive may leave tags and layers out', () => {
  assert.deepEqual(parseArchiveManifest('[{"Config":"c","RepoTags":null}]'), [
    { Config: 'c', RepoTags: [], Layers: [] },
  ]);
  assert.throws(() => parseArchiveManifest('{}'), /reading manifest.json/);
});
