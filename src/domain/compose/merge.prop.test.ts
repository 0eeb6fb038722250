import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mergeTrees, withoutResets } from './merge.ts';
import { readTree, toPlain, type Tree } from './tree.ts';
import { withUniqueEntries } from './unique.ts';

const source = { name: 'compose.yaml', folder: '/', lookup: () => undefined, via: [] };

function treeOf(text: string): Tree {
  const { tree } = readTree(source, text);
  assert.ok(tree !== undefined, text);
  return tree;
}

const some = <T>(items: T[]): fc.Arbitrary<T[]> => fc.subarray(items, { minLength: 1 });
const pairs = fc.oneof(
  fc.dictionary(fc.constantFrom('A', 'B', 'C'), fc.constantFrom('1', '2'), { minKeys: 1 }),
  some(['A=1', 'B=2', 'C=3']),
);

/** Without `logging`: whether its options merge depends on the driver that both name, so grouping matters. */
const web = fc.record(
  {
    image: fc.constantFrom('a', 'b'),
    command: fc.constantFrom<unknown>('a', ['b', 'c']),
    environment: pairs,
    labels: pairs,
    ports: some<unknown>(['80:80', '81:81', { target: 80, published: '80' }, '90']),
    volumes: some<unknown>(['a:/a', 'b:/a', { type: 'volume', source: 'c', target: '/c' }]),
    secrets: some<unknown>(['x', { source: 'y', target: 'x' }]),
    dns: fc.oneof(fc.constant('1.1.1.1'), some(['1.1.1.1', '8.8.8.8'])),
    networks: fc.oneof(some(['one', 'two']), fc.constant({ one: { aliases: ['w'] } })),
    depends_on: fc.oneof(some(['x', 'y']), fc.constant({ x: { condition: 'service_healthy' } })),
    build: fc.oneof(fc.constant('./a'), fc.record({ args: pairs, target: fc.constantFrom('t', 'u') })),
    deploy: fc.record({ replicas: fc.nat(3), labels: pairs }, { requiredKeys: [] }),
    'x-own': fc.constantFrom<unknown>({ a: 1 }, { b: [1] }, { b: [2] }),
  },
  { requiredKeys: [] },
);
const file = web.map((one) => treeOf(JSON.stringify({ services: { web: one } })));

const plain = (tree: Tree): unknown => toPlain(withUniqueEntries(tree));

test('merging three files gives the same, whichever two are merged first', () => {
  fc.assert(
    fc.property(file, file, file, (a, b, c) => {
      assert.deepEqual(plain(mergeTrees(mergeTrees(a, b), c)), plain(mergeTrees(a, mergeTrees(b, c))));
    }),
    { numRuns: 300 },
  );
});

test('an empty file changes nothing, before and after', () => {
  const empty = treeOf('services: { web: {} }');
  fc.assert(
    fc.property(file, (one) => {
      assert.deepEqual(plain(mergeTrees(one, empty)), plain(one));
      assert.deepEqual(plain(mergeTrees(empty, one)), plain(one));
    }),
  );
});

test('what is reset is gone, what is overridden is the later value alone', () => {
  const keys = ['environment', 'ports', 'networks', 'build', 'image', 'deploy'];
  fc.assert(
    fc.property(file, fc.constantFrom(...keys), (base, key) => {
      const reset = mergeTrees(base, treeOf(`services: { web: { ${key}: !reset null } }`));
      assert.ok(!JSON.stringify(toPlain(withoutResets(reset))).includes(`"${key}"`));
      const override = mergeTrees(base, treeOf(`services: { web: { ${key}: !override [only] } }`));
      assert.match(JSON.stringify(toPlain(override)), new RegExp(`"${key}":\\["only"\\]`));
    }),
  );
});
