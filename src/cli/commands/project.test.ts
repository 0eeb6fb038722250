import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { ProjectBody } from '#api/types/apps.ts';
import { sinceTime } from './logs.ts';
import { findProject, projectBody } from './project.ts';
import { readWords } from './watch.ts';

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

test('COMPOSE_FILE names the files of a folder, of the caller before .env', async (t) => {
  const root = await folder(t, { '.env': 'COMPOSE_FILE="a.yaml:b.yaml"\n', 'compose.yaml': '' });
  assert.deepEqual((await findProject(undefined, [], root)).files, ['a.yaml', 'b.yaml']);
  const caller = { COMPOSE_FILE: 'c.yaml;d.yaml', COMPOSE_PATH_SEPARATOR: ';' };
  assert.deepEqual((await findProject(undefined, [], root, caller)).files, ['c.yaml', 'd.yaml']);
  assert.deepEqual((await findProject(undefined, ['x.yaml'], root, caller)).files, [join(root, 'x.yaml')]);
});

test('only the variables that the files ask for leave the caller, also those that others lead to', async (t) => {
  const root = await folder(t, { 'compose.yaml': '' });
  const environment = { ONE: '1', TWO: '2', SECRET: 's', COMPOSE_PROFILES: 'p' };
  const seen: string[][] = [];
  const api = {
    variables: (body: ProjectBody) => {
      seen.push(Object.keys(body.environment));
      return Promise.resolve({ variables: 'ONE' in body.environment ? ['ONE', 'TWO', 'ABSENT'] : ['ONE'] });
    },
  };
  const options = { file: [], profile: ['q'], envFile: ['x.env'], projectName: 'shop' };
  const body = await projectBody(api, root, options, environment);
  assert.deepEqual(body.environment, { COMPOSE_PROFILES: 'p,q', ONE: '1', TWO: '2' });
  assert.deepEqual(body.envFiles, [join(process.cwd(), 'x.env')]);
  assert.equal(body.appName, 'shop');
  assert.deepEqual(seen.at(-1), ['COMPOSE_PROFILES', 'ONE', 'TWO']);
});

test('since is a time or a span', () => {
  const now = Date.parse('2026-01-02T03:04:05Z');
  assert.equal(sinceTime('10m', now), '2026-01-02T02:54:05.000Z');
  assert.equal(sinceTime('2026-01-01T00:00:00Z', now), '2026-01-01T00:00:00.000Z');
  assert.throws(() => sinceTime('soon', now), /'soon' is not a time/);
});

test('the first word of berth watch is a folder when it is a path, or when no project is here', async (t) => {
  const root = await folder(t, { 'app/compose.yaml': '', 'app/web/x': '' });
  const app = join(root, 'app');
  const read = async (cwd: string, ...words: string[]): Promise<unknown> => {
    const { folder, services } = await readWords(words, [], cwd);
    return [folder, ...services];
  };
  assert.deepEqual(await read(app, 'web', 'db'), [undefined, 'web', 'db']);
  assert.deepEqual(await read(app, './web', 'db'), ['./web', 'db']);
  assert.deepEqual(await read(root, 'app', 'db'), ['app', 'db']);
  assert.deepEqual(await read(root, 'web'), [undefined, 'web']);
  assert.deepEqual(await read(app), [undefined]);
});
