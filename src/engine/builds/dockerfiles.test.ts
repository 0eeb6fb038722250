import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planBuild } from '#domain/build/plan.ts';
import { parseDockerfile } from '#domain/dockerfile/parse.ts';
import type { ImageConfig } from '#domain/image/manifest.ts';
import { Dockerfiles } from './dockerfiles.ts';

const machine = 'linux/amd64';
const config: ImageConfig = {
  ...{ os: 'linux', architecture: 'amd64', config: { Env: ['HOME=/root'] } },
  ...{ rootfs: { type: 'layers', diff_ids: [] }, history: [] },
};
const dockerfiles = new Dockerfiles((name) => (name === 'here' ? { config } : undefined), machine);

test('a check looks at the images that are here and says what keeps a file from being built', () => {
  const of = (text: string, target?: string): string[] =>
    dockerfiles
      .check({ text, args: {}, ...(target === undefined ? {} : { target }) })
      .warnings.map(({ rule, at }) => `${rule} ${at.line}`);
  const text = 'FROM here AS one\nENV A=$HOME B=$NOPE\nFROM elsewhere\nENV A=$NOPE\nCMD x\n';
  assert.deepEqual(of(text), ['UndefinedVar 2', 'JSONArgsRecommended 5']);
  assert.deepEqual(of(text, 'one'), ['UndefinedVar 2']);
  const broken = dockerfiles.check({ text: 'FROM here\nRUNN x', args: {} });
  assert.match(broken.failure?.message ?? '', /unknown instruction: RUNN/);
});

test('a build is told of its stages only, and refused where the file asks for it', () => {
  const planOf = (text: string): ReturnType<typeof planBuild> =>
    planBuild(parseDockerfile(text), { args: {}, labels: {}, platform: machine, machine });
  const [warning, ...more] = dockerfiles.checkBuild(
    planOf('FROM here AS a\nCMD x\nFROM here\nENTRYPOINT y\n'),
    { args: {} },
  );
  assert.equal(more.length, 0);
  assert.match(warning?.short ?? '', /^JSONArgsRecommended: JSON arguments .* \(line 4\)$/);
  const strict = planOf('# check=error=true\nFROM here\nCMD x\n');
  assert.throws(
    () => dockerfiles.checkBuild(strict, { args: {} }),
    /lint violation found for rules: JSONArgs/,
  );
});

test('outline and targets say what a target takes and which there are', () => {
  const text = '# one it makes\nFROM here AS one\nARG V=1\nRUN --mount=type=secret,id=s true\nFROM one\n';
  const { args, secrets } = dockerfiles.outline({ text, args: { V: '2' } });
  assert.deepEqual(args, [{ name: 'V', value: '2', line: 3, endLine: 3 }]);
  assert.deepEqual(secrets, [{ name: 's', required: false, line: 4, endLine: 4 }]);
  const [first] = dockerfiles.targets({ text });
  assert.equal(first?.description, 'it makes');
});
