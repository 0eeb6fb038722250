import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { run, type RunResult } from '../support/docker.ts';

const reporter = new URL('../../scripts/levels-reporter.ts', import.meta.url).pathname;
const passing = "import { test } from 'node:test';\ntest('a behaviour', () => undefined);\n";
const whole = {
  'src/one.test.ts': passing,
  'src/one.prop.test.ts': passing,
  'test/golden/one.test.ts': passing,
  'test/kernel/one.test.ts': passing,
  'test/api/one.test.ts': passing,
  'test/fuzz/one.test.ts': passing,
  'test/e2e/noun/one.test.ts': passing,
};

async function runSuite(
  t: TestContext,
  files: Record<string, string>,
  patterns: string[],
): Promise<RunResult> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-levels-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  const reporters = [`--test-reporter=${reporter}`, '--test-reporter-destination=stderr'];
  const { code, stdout, stderr } = await run('env', [
    // Of the runner that runs this test: it would keep the inner one from running at all.
    '--unset=NODE_TEST_CONTEXT',
    `--chdir=${folder}`,
    process.execPath,
    '--test',
    ...reporters,
    ...patterns,
  ]);
  return { code, stdout, stderr };
}

const all = ['src/**/*.test.ts', 'test/**/*.test.ts'];

test('a run of every level passes and says nothing', async (t) => {
  const { code, stderr } = await runSuite(t, whole, all);
  assert.deepEqual([code, stderr], [0, '']);
});

test('a file of a level that was not run fails the run by name', async (t) => {
  const { code, stderr } = await runSuite(t, whole, ['src/**/*.test.ts', 'test/{golden,e2e}/**/*.test.ts']);
  assert.equal(code, 1);
  assert.match(stderr, /test\/kernel\/one\.test\.ts, of the level 'kernel', gave no result/);
  assert.doesNotMatch(stderr, /end to end/);
});

test('a level without any test, and a file without one, fail the run', async (t) => {
  const files: Record<string, string> = { ...whole, 'test/e2e/noun/one.test.ts': 'export {};\n' };
  delete files['src/one.prop.test.ts'];
  const { code, stderr } = await runSuite(t, files, all);
  assert.equal(code, 1);
  assert.match(stderr, /there is no test of the level 'property'/);
  assert.match(stderr, /test\/e2e\/noun\/one\.test\.ts, of the level 'end to end', gave no result/);
});

test('a test that is skipped or left for later fails the run', async (t) => {
  const skipping = `${passing}test.skip('a', () => undefined);\ntest.todo('b');\n`;
  const { code, stderr } = await runSuite(t, { ...whole, 'test/kernel/two.test.ts': skipping }, all);
  assert.equal(code, 1);
  assert.match(stderr, /'a' in test\/kernel\/two\.test\.ts was skipped\n.*'b' in/s);
});
