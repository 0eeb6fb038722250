import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppModel } from '#domain/app/model.ts';
import { readProject } from '../../../test/support/compose.ts';
import { Granting } from './granting.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

function model(text: string): AppModel {
  const { model: found, problems } = readProject(
    { 'compose.yaml': text },
    { environment: { TOKEN: 'hidden' } },
  );
  assert.ok(found, JSON.stringify(problems));
  return found;
}

/** Granting whose store has `shared` in version 4, and in version 7 for the app `project`; all that is put is noted. */
function room(latest: Record<string, number> = { 'secret//shared': 4 }) {
  const kept: string[] = [];
  const granting = new Granting({
    secrets: {
      put: ({ noun, app, name }, value) => {
        kept.push(`${noun}/${app}/${name}=${Buffer.from(value).toString()}`);
        return Promise.resolve({ version: kept.length, isNew: true });
      },
      foresee: () => Promise.resolve(9),
      latest: ({ noun, app, name }) => latest[`${noun}/${app}/${name}`],
      value: () => Promise.resolve(bytes('token')),
    },
    files: { readBytes: (path) => Promise.resolve(path.endsWith('there') ? bytes('of a file') : undefined) },
    providers: {
      exec: ({ command }) => Promise.resolve(bytes(command.join(' '))),
      vault: ({ path, field }, token) => Promise.resolve(bytes(`${path} ${field} ${token}`)),
    },
  });
  const given = { secretValues: new Map([['env', 'hidden']]) };
  const held: unknown[] = [];
  const keep = (text: string): Promise<AppModel> =>
    granting.keep(model(text), given, 'me', (reference) => held.push(reference));
  return { granting, given, kept, held, keep, latest };
}

const compose = `
x-berth: { secrets: { made: { provider: exec, command: [a, b] }, far: { provider: vault, url: "http://v", path: m/n, field: f, token: shared } } }
services:
  web: { image: a, secrets: [file, env, shared, made, far], configs: [inline] }
secrets:
  file: { file: ./there }
  env: { environment: TOKEN }
  shared: { external: true }
  made: { external: true }
  far: { external: true }
  unused: { file: ./missing }
configs:
  inline: { content: "a: b" }
`;

test('what services get is kept and has a version; the model has no value, and what nobody gets is not read', async () => {
  const { keep, kept, held } = room();
  const granted = await keep(compose);
  assert.deepEqual(kept, [
    'secret/project/file=of a file',
    'secret/project/env=hidden',
    'secret/project/made=a b',
    'secret/project/far=m/n f token',
    'config/project/inline=a: b',
  ]);
  assert.equal(held.length, 5);
  assert.deepEqual(granted.secrets['shared']?.stored, { key: 'secret//shared', version: 4 });
  assert.deepEqual(granted.secrets['env']?.stored, { key: 'secret/project/env', version: 2 });
  assert.deepEqual(granted.configs['inline']?.from, { kind: 'content' });
  assert.equal(granted.secrets['unused']?.stored, undefined);
  assert.doesNotMatch(JSON.stringify(granted), /hidden|a: b|of a file/);
});

test('nothing is kept when a plan is made, or when anything is missing', async () => {
  const { granting, given, kept, keep } = room();
  const planned = await granting.foresee(model(compose), given);
  assert.equal(planned.secrets['file']?.stored?.version, 9);
  await assert.rejects(
    keep(compose.replace('./there', './nowhere')),
    /the file '\/project\/nowhere', which does not exist/,
  );
  await assert.rejects(
    keep(compose.replace('shared: { external: true }', 'shared: { external: true, name: other }')),
    /needs the external secret 'other', which is not in Berth's store/,
  );
  assert.deepEqual(kept, []);
});

test('the app has its own before the machine, and newer versions of what is in the store only', async () => {
  const { granting, keep, latest } = room();
  const granted = await keep(compose);
  latest['secret/project/shared'] = 7;
  latest['secret/project/file'] = 8;
  const next = granting.refreshed(granted);
  assert.deepEqual(next.secrets['shared']?.stored, { key: 'secret/project/shared', version: 7 });
  assert.deepEqual(next.secrets['file'], granted.secrets['file']);
  assert.deepEqual(next.secrets['made'], granted.secrets['made']);
});
