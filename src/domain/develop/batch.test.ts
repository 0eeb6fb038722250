import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WatchRule } from '#domain/app/model.ts';
import { mapping, planBatch, topmost } from './batch.ts';
import { below, type PathRule } from './rules.ts';

function rule(action: WatchRule['action'], path: string, more: Partial<PathRule> = {}): PathRule {
  const isBelow = (other: string): boolean => below(path, other) !== undefined;
  return { service: 'web', action, path, initialSync: false, matches: isBelow, leadsTo: isBelow, ...more };
}

const hook = { command: ['reload'], privileged: false, environment: [] };

test('a batch does each thing once for a service, by all rules that its paths fall under', () => {
  const rules = [
    rule('sync', '/p/src', { target: '/app' }),
    rule('sync+exec', '/p/src/conf', { target: '/etc/app', exec: hook }),
    rule('rebuild', '/p/package.json'),
    rule('restart', '/p/.env', { service: 'worker' }),
    rule('sync+restart', '/p/conf', { target: '/conf', service: 'worker' }),
  ];
  const paths = ['/p/src/conf/b', '/p/src/a', '/p/src/conf/a', '/p/src/a', '/p/.env', '/p/elsewhere'];
  assert.deepEqual(planBatch(rules, paths), [
    {
      service: 'web',
      rebuild: false,
      restart: false,
      exec: [hook],
      sync: [
        { path: '/p/src/a', target: '/app/a', isRoot: false },
        { path: '/p/src/conf/a', target: '/app/conf/a', isRoot: false },
        { path: '/p/src/conf/b', target: '/app/conf/b', isRoot: false },
        { path: '/p/src/conf/a', target: '/etc/app/a', isRoot: false },
        { path: '/p/src/conf/b', target: '/etc/app/b', isRoot: false },
      ],
    },
    { service: 'worker', rebuild: false, restart: true, exec: [], sync: [] },
  ]);
  assert.deepEqual(
    planBatch(rules, ['/p/package.json', '/p/conf/x']).map(({ rebuild, restart, sync }) => [
      rebuild,
      restart,
      sync.length,
    ]),
    [
      [true, false, 0],
      [false, true, 1],
    ],
  );
  assert.deepEqual(planBatch(rules, ['/p/elsewhere']), []);
});

test('a path belongs below the target; a file by its own name into what is written as a folder', () => {
  const at = (path: string, target: string, changed: string): string | undefined =>
    mapping(rule('sync', path, { target }), changed)?.target;
  assert.equal(at('/p', '/', '/p/a/b'), '/a/b');
  assert.equal(at('/p', '/app/', '/p/a'), '/app/a');
  assert.equal(at('/p/a.conf', '/etc/b.conf', '/p/a.conf'), '/etc/b.conf');
  assert.equal(at('/p/a.conf', '/etc/', '/p/a.conf'), '/etc/a.conf');
  assert.equal(at('/p', 'app/../x', '/p/a'), '/x/a');
  assert.equal(at('/p', '/app', '/q'), undefined);
  assert.equal(mapping(rule('rebuild', '/p'), '/p/a'), undefined);
});

test('what goes with its folder is not removed by itself', () => {
  assert.deepEqual(topmost(['/a/b/c', '/a/b', '/a/bc', '/d']), ['/a/b', '/a/bc', '/d']);
});
