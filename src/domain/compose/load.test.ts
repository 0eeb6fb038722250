import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readProject } from '../../../test/support/compose.ts';

const codes = (result: ReturnType<typeof readProject>): string[] => result.problems.map((one) => one.code);

test('a file may come in on two ways, when it is the same each time', () => {
  const { model, problems } = readProject({
    'compose.yaml': 'include: [a/compose.yaml, b/compose.yaml]\nservices: { web: { image: w } }',
    'a/compose.yaml': 'include: [../common/compose.yaml]\nservices: { a: { image: a } }',
    'b/compose.yaml': 'include: [../common/compose.yaml]\nservices: { b: { image: b } }',
    'common/compose.yaml': 'services: { db: { image: db, volumes: ["./data:/data"] } }',
  });
  assert.deepEqual(problems, []);
  assert.deepEqual(Object.keys(model?.services ?? {}).sort(), ['a', 'b', 'db', 'web']);
  assert.equal(model?.services['db']?.mounts[0]?.source, '/project/common/data');
});

test('files that include others twice, over and over, are refused before they are too many', () => {
  const steps = Array.from({ length: 30 }, (_, index): [string, string] => [
    `f${index}.yaml`,
    `include: [f${index + 1}.yaml, ./f${index + 1}.yaml]`,
  ]);
  const result = readProject({
    'compose.yaml': 'include: [f0.yaml]',
    ...Object.fromEntries(steps),
    'f30.yaml': 'services: { web: { image: w } }',
  });
  assert.deepEqual(codes(result), ['compose-too-many-files']);
});

test('files with variables stand in for .env, the later over the earlier, the caller over all', () => {
  const texts = {
    'compose.yaml': 'services: { web: { image: "${A}-${B}-${C}-${D:-none}" } }',
    '.env': 'D=from-dotenv\n',
    'one.env': 'A=1\nB=1\nC=1\n',
    'two.env': 'B=2\nC=${A}2\n',
  };
  const given = { envFiles: ['one.env', 'two.env'], environment: { A: 'caller' } };
  const { model, variables } = readProject(texts, given);
  assert.equal(model?.services['web']?.image, 'caller-2-caller2-none');
  assert.ok(['A', 'B', 'C', 'D'].every((name) => variables.includes(name)));
  assert.ok(codes(readProject(texts, { envFiles: ['none.env'] })).includes('env-file-missing'));
});

test('the name of the app is the caller’s, else the file’s, else the folder’s', () => {
  const texts = { 'compose.yaml': 'name: file\nservices: { web: { image: w } }' };
  const nameOf = (given: Parameters<typeof readProject>[1]): string | undefined =>
    readProject(texts, given).model?.name;
  assert.equal(nameOf({}), 'file');
  assert.equal(nameOf({ environment: { COMPOSE_PROJECT_NAME: 'variable' } }), 'variable');
  assert.equal(nameOf({ appName: 'option', environment: { COMPOSE_PROJECT_NAME: 'variable' } }), 'option');
  const plain = { 'compose.yaml': 'services: { web: { image: w } }' };
  assert.equal(readProject(plain, { folder: '/srv/My.Shop' }).model?.name, 'myshop');
});
