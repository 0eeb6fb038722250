import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { Choice } from '#engine/contracts.ts';
import { entitlementsOf, readOptions, type FrontendOptions } from '#engine/solves/attributes.ts';
import { cacheTargetsOf } from '#engine/solves/caches.ts';
import { outputsOf } from '#engine/solves/exporters.ts';

/** What buildx was seen to send for a command: the solve, and what it asks of the frontend by the gateway. */
interface Recorded {
  command: string;
  solve: {
    exporters: Choice[];
    cache: { exports: Choice[]; imports: Choice[] };
    entitlements: string[];
    internal: boolean;
  };
  frontend: { frontend: string; attributes: Record<string, string>; cacheImports: Choice[] };
}

const parse: (text: string) => Recorded[] = JSON.parse;
const recorded = parse(await readFile(new URL('buildkit/buildx-0.26.json', import.meta.url), 'utf8'));

/** By the command: what becomes of it beyond `{ buildArgs: {}, labels: {} }`. */
const expected: Readonly<Record<string, Partial<FrontendOptions['settings']>>> = {
  '--tag': { buildArgs: { A: '1' }, labels: { l: 'v' }, target: 'one' },
  '--no-cache': {
    noCache: true,
    pull: true,
    networkMode: 'none',
    extraHosts: ['one:10.0.0.1'],
    resources: { ShmSize: 64 * 1024 * 1024, Ulimits: [{ Name: 'nofile', Soft: 10, Hard: 20 }] },
  },
  '--no-cache-filter': { noCacheFor: ['one'], platform: 'linux/amd64' },
  '--build-context': {},
  '--push': {},
  '--check': {},
  '--allow': { resources: { CgroupParent: '/x' } },
};

function found(option: string): Recorded {
  const one = recorded.find(({ command }) => command.split(' ')[3] === option);
  assert.ok(one !== undefined, option);
  return one;
}

test('what buildx sends is understood', () => {
  for (const [option, settings] of Object.entries(expected)) {
    const { frontend } = found(option);
    assert.equal(frontend.frontend, 'dockerfile.v0');
    const { settings: read, filename } = readOptions(frontend.attributes);
    assert.deepEqual([read, filename], [{ buildArgs: {}, labels: {}, ...settings }, 'Dockerfile'], option);
  }
  assert.equal(recorded.length, Object.keys(expected).length);
  const { attributes } = found('--build-context').frontend;
  const { contexts } = readOptions(attributes);
  assert.deepEqual(contexts, { base: { image: 'busybox' }, more: { local: 'more' } });
  assert.equal(readOptions(found('--check').frontend.attributes).subrequest, 'frontend.lint');
  assert.deepEqual(entitlementsOf(found('--allow').solve.entitlements), ['network.host']);
});

test('the caches and outputs that buildx asks for are those of its command', () => {
  const { solve, frontend } = found('--push');
  const registry = { type: 'registry', attributes: { ref: 'registry.example/c' } };
  assert.deepEqual(solve.cache.imports, [registry]);
  assert.deepEqual(readOptions(frontend.attributes).cacheFrom, [registry]);
  const targets = cacheTargetsOf(solve.cache.exports, () => assert.fail('no folder is asked for'));
  assert.deepEqual(targets, [{ kind: 'registry', reference: 'registry.example/c', mode: 'max' }]);
  const kinds = recorded.map(({ command, solve: { exporters } }) => [
    command.split(' ')[3],
    outputKinds(exporters),
  ]);
  assert.deepEqual(Object.fromEntries(kinds), {
    '--tag': ['image k:1'],
    '--no-cache': ['image '],
    '--no-cache-filter': ['oci '],
    '--build-context': ['image '],
    '--push': ['image registry.example/k:1 pushed'],
    '--check': [],
    '--allow': ['local '],
  });
});

function outputKinds(exporters: Choice[]): string[] {
  const unused = (): never => assert.fail('nothing is built');
  const receiver = { sendArchive: unused, sendFolders: unused };
  return outputsOf(exporters, receiver, AbortSignal.abort()).map((output) => {
    const names = 'names' in output ? output.names.join() : '';
    return `${output.kind} ${names}${output.kind === 'image' && output.push ? ' pushed' : ''}`;
  });
}
