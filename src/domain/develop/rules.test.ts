import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service, WatchRule } from '#domain/app/model.ts';
import { readProject } from '../../../test/support/compose.ts';
import { pathRules, type PathRule } from './rules.ts';

const resolved = (path: string): string => path;

function service(lines: string): Service {
  const { model, problems } = readProject({
    'compose.yaml': `services:\n  web:\n${lines.replace(/^/gm, '    ')}\n`,
  });
  const found = model?.services['web'];
  assert.ok(found !== undefined, JSON.stringify(problems));
  return found;
}

function ruleOf(rule: string, dockerignore?: string): PathRule {
  const { rules } = pathRules(service(`build: .\ndevelop: { watch: [{ ${rule} }] }`), {
    dockerignore,
    resolved,
  });
  assert.ok(rules[0] !== undefined);
  return rules[0];
}

test('a rule is about its path and what is below it', () => {
  const rule = ruleOf('action: sync, path: ./src, target: /app');
  const of = ['/project/src', '/project/src/a/b.js', '/project/srcs/a', '/project'];
  assert.deepEqual(of.map(rule.matches), [true, true, false, false]);
  // The folders above lead to it, so that it may come and go.
  assert.deepEqual(of.map(rule.leadsTo), [true, true, false, true]);
});

test('ignore and include hold below the path of the rule, with exceptions', () => {
  const rule = ruleOf(
    'action: sync, path: ./src, target: /app, ignore: [node_modules/, "*.log", "!keep.log"], include: ["**/*.js", "*.log"]',
  );
  const matching = ['a.js', 'sub/b.js', 'c.css', 'node_modules/x.js', 'x.log', 'keep.log'].filter((one) =>
    rule.matches(`/project/src/${one}`),
  );
  assert.deepEqual(matching, ['a.js', 'sub/b.js', 'keep.log']);
});

test('an ignored folder is not looked into, unless an exception may take something of it in again', () => {
  const plain = ruleOf('action: sync, path: ., target: /app, ignore: [node_modules/]');
  assert.equal(plain.leadsTo('/project/node_modules'), false);
  assert.equal(plain.leadsTo('/project/src'), true);
  const excepting = ruleOf('action: sync, path: ., target: /app, ignore: [vendor/, "!vendor/own"]');
  assert.equal(excepting.leadsTo('/project/vendor'), true);
  assert.equal(excepting.matches('/project/vendor/other/a'), false);
  assert.equal(excepting.matches('/project/vendor/own/a'), true);
});

test('the .dockerignore of the build context holds; a star alone leaves nothing out', () => {
  const some = ruleOf('action: sync, path: ./src, target: /app', 'src/generated\n# src/kept\n');
  assert.equal(some.matches('/project/src/generated/a'), false);
  assert.equal(some.leadsTo('/project/src/generated'), false);
  assert.equal(some.matches('/project/src/kept'), true);
  assert.equal(
    ruleOf('action: sync, path: ./src, target: /app', '*\n!other').matches('/project/src/a'),
    true,
  );
});

test('what editors and git leave beside files is never meant', () => {
  const rule = ruleOf('action: sync, path: ., target: /app');
  for (const name of [
    '.git/index',
    'a.js~',
    '.a.js.swp',
    'src/4913',
    '.idea/x',
    'src/.#a.js',
    'a___jb_tmp___',
  ])
    assert.equal(rule.matches(`/project/${name}`), false, name);
  for (const name of ['.gitignore', 'a.swp.js', '49130', '.env'])
    assert.equal(rule.matches(`/project/${name}`), true, name);
});

test('a rule that copies what a bind mount brings anyway is left out and told', () => {
  const bound = service(
    'build: .\nvolumes: [./src:/app]\ndevelop: { watch: [{ action: sync, path: ./src/sub, target: /app/sub }, { action: rebuild, path: ./src }] }',
  );
  const { rules, notes } = pathRules(bound, { resolved });
  assert.deepEqual(
    rules.map((one) => one.action),
    ['rebuild'],
  );
  assert.match(notes[0] ?? '', /'\/project\/src\/sub' is a bind mount/);
});

test('what has no build cannot be rebuilt', () => {
  const rebuild: WatchRule = {
    action: 'rebuild',
    path: '/project',
    ignore: [],
    include: [],
    initialSync: false,
  };
  const wrong = { ...service('image: busybox'), watch: [rebuild] };
  assert.throws(() => pathRules(wrong, { resolved }), { code: 'watch-rebuild-impossible' });
});
