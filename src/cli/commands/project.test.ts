import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { sinceTime } from './logs.ts';
import { findProject, projectBody } from './project.ts';

async function folder(t: TestContext, files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'berth-cli-'));
  t.after(() => rm(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(root, name, '..'), { recursive: true });
    await writeFile(join(root, name), text);
  }
  return root;
}

test('a folder, a file, -f and the present folder name a project', async (t) => {
  const root = await folder(t, {
    'a/compose.yaml': '',
    'a/compose.override.yaml': '',
    'b/docker-compose.yml': '',
    'b/x.yaml': '',
  });
  const [a, b] = [join(root, 'a'), join(root, 'b')];
  assert.deepEqual(await findProject('a', [], root), {
    folder: a,
    files: ['compose.yaml', 'compose.override.yaml'],
  });
  assert.deepEqual(await findProject(undefined, [], b), { folder: b, files: ['docker-compose.yml'] });
  assert.deepEqual(await findProject('b/x.yaml', [], root), { folder: b, files: ['x.yaml'] });
  assert.deepEqual(await findProject(undefined, ['b/x.yaml'], root), {
    folder: b,
    files: [join(b, 'x.yaml')],
  });
  await assert.rejects(findProject(undefined, [], root), /no compose file in/);
  await assert.rejects(findProject('none', [], root), /no folder and no compose file/);
});

test('only the variables that the files mention leave the caller', async (t) => {
  const root = await folder(t, { 'compose.yaml': 'x: ${ONE:-d} $TWO\n', '.env': 'A=${THREE}\n' });
  const environment = { ONE: '1', TWO: '2', THREE: '3', SECRET: 's', COMPOSE_PROFILES: 'p' };
  const body = await projectBody(root, { file: [] }, environment);
  assert.deepEqual(body.environment, { ONE: '1', TWO: '2', THREE: '3', COMPOSE_PROFILES: 'p' });
});

test('since is a time or a span', () => {
  const now = Date.parse('2026-01-02T03:04:05Z');
  assert.equal(sinceTime('10m', now), '2026-01-02T02:54:05.000Z');
  assert.equal(sinceTime('2026-01-01T00:00:00Z', now), '2026-01-01T00:00:00.000Z');
  assert.throws(() => sinceTime('soon', now), /'soon' is not a time/);
});
