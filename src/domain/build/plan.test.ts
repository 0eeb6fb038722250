import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDockerfile } from '#domain/dockerfile/parse.ts';
import { planBuild, type BuildPlan, type PlanRequest } from './plan.ts';

function plan(text: string, request: Partial<PlanRequest> = {}): BuildPlan {
  return planBuild(parseDockerfile(text), {
    args: {},
    labels: {},
    platform: 'linux/arm64/v8',
    machine: 'linux/amd64',
    ...request,
  });
}

const shape = ({ stages }: BuildPlan): [number, number[]][] =>
  stages.map(({ index, needs }) => [index, needs]);

test('only the stages that the target needs are planned, with what each needs', () => {
  const text = `FROM a AS one
FROM b AS two
FROM one AS three
COPY --from=1 / /
COPY --from=busybox / /
FROM c AS four
FROM three
COPY --from=three / /
`;
  assert.deepEqual(shape(plan(text)), [
    [0, []],
    [1, []],
    [2, [0, 1]],
    [4, [2]],
  ]);
  assert.deepEqual(shape(plan(text, { target: 'FOUR' })), [[3, []]]);
  assert.deepEqual(shape(plan(text, { target: '1' })), [[1, []]]);
});

test('FROM sees the arguments before it: given, defaults, and those of the platform', () => {
  const text = [
    'ARG BASE=alpine',
    'ARG TAG=${BASE}-1',
    'FROM --platform=$BUILDPLATFORM ${BASE}:${TAG} AS one',
    'FROM x-$TARGETARCH-$TARGETVARIANT',
  ].join('\n');
  const { stages, globals } = plan(text, { args: { BASE: 'debian' }, target: 'one' });
  assert.deepEqual(stages[0]?.base, { kind: 'image', reference: 'debian:debian-1' });
  assert.equal(stages[0].platform, 'linux/amd64');
  assert.equal(globals['TAG'], 'debian-1');
  assert.deepEqual(plan(text).stages[0]?.base, { kind: 'image', reference: 'x-arm64-v8' });
});

test('build arguments that nothing takes are told, proxies excepted', () => {
  const args = { A: '1', B: '2', C: '3', http_proxy: 'x', HTTPS_PROXY: 'y', TARGETARCH: 'z' };
  assert.deepEqual(plan('ARG A\nFROM x\nARG B\n', { args }).unused, ['C']);
});

test('names that lead nowhere are refused where they stand', () => {
  assert.throws(() => plan('ARG X\nFROM $X\n'), /base name \(\$X\) should not be blank\nDockerfile:2:1/);
  assert.throws(() => plan('FROM a\nCOPY --from=0 a b\n'), /refers to current build block/);
  assert.throws(() => plan('FROM a\nCOPY --from=7 a b\n'), /invalid from flag value 7/);
  assert.throws(() => plan('FROM a\nCOPY --from=b a b\nFROM c AS b\n'), /the stage comes later/);
  assert.throws(() => plan('FROM a AS build\n', { target: 'biuld' }), /did you mean 'build'\?/);
  assert.throws(() => plan('FROM ${A:?needed}\n'), /A: needed\nDockerfile:1:1/);
});

test('labels of the request become the last instruction, taken literally', () => {
  const { stages } = plan('FROM a\nRUN x\n', { labels: { b: "$x 'y'", a: '1' } });
  const last = stages[0]?.instructions.at(-1);
  assert.ok(last?.name === 'LABEL');
  assert.equal(last.text, "LABEL a=1 b=$x 'y'");
});

test('a context of the client stands for the image, or the stage, of its name', () => {
  const text = 'FROM app:latest AS one\nRUN x\nFROM b AS two\nCOPY --from=one / /\nCOPY --from=files / /\n';
  const { stages } = plan(text, { contexts: ['app', 'files'] });
  assert.deepEqual(
    stages.map(({ base }) => base),
    [
      { kind: 'context', name: 'app' },
      { kind: 'image', reference: 'b' },
    ],
  );
  const [replaced] = plan(text, { contexts: ['two'] }).stages;
  assert.deepEqual(replaced?.base, { kind: 'context', name: 'two' });
  assert.deepEqual([replaced.instructions, replaced.needs], [[], []]);
});

test('a context for one platform goes before one for all, where a stage is for that platform', () => {
  const text =
    'FROM base AS one\nFROM --platform=linux/arm64 base AS two\nCOPY --from=one / /\nCOPY --from=base / /\n';
  const bases = (contexts: string[], platform = 'linux/amd64'): unknown[] =>
    plan(text, { contexts, platform }).stages.map(({ base }) => ('name' in base ? base.name : base.kind));
  assert.deepEqual(bases(['base', 'base::linux/arm64']), ['base', 'base::linux/arm64']);
  assert.deepEqual(bases(['base::linux/arm64/v8']), ['image', 'base::linux/arm64/v8']);
  assert.deepEqual(bases(['base', 'base::linux/arm64'], 'linux/arm64'), [
    'base::linux/arm64',
    'base::linux/arm64',
  ]);
});

test('of stages with one name FROM and COPY take the last one before, and a target the last one', () => {
  const text = 'FROM a AS x\nFROM b AS x\nFROM x\nCOPY --from=x / /\nFROM c AS x\n';
  assert.deepEqual(shape(plan(text, { target: '2' })), [
    [1, []],
    [2, [1]],
  ]);
  assert.deepEqual(shape(plan(text, { target: 'x' })), [[3, []]]);
});
