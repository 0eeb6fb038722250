import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pino } from 'pino';
import { Value } from 'typebox/value';
import { loadSettings } from '#adapters/settings/settings-file.ts';
import { createServer } from '#api/server.ts';
import { instanceOf } from '#domain/instance.ts';
import { wire } from '#main/wire.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { removeInstance } from '../support/leaks.ts';
import { table } from './all-routes.ts';
import type { Call } from './table.ts';

describe('the Docker Engine API', () => {
  let daemon: TestDaemon;
  let exec = '';
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
    await daemon.ok('network', 'create', 'net');
    await daemon.ok('volume', 'create', 'vol');
    const web = ['--name', 'web', '--network', 'net', '-v', 'vol:/data', '--annotation', 'a=b', '-t'];
    await daemon.ok('run', '-d', ...web, 'busybox', 'sleep', '1000');
    await daemon.ok('run', '--name', 'done', '--network', 'none', 'busybox', 'echo', 'hello');
    const { text } = await daemon.api('POST', '/containers/web/exec', { Cmd: ['true'], AttachStdout: true });
    exec = /"Id":"(\w+)"/.exec(text)?.[1] ?? '';
  });
  after(() => daemon[Symbol.asyncDispose]());

  it('has no route that this table lacks, and the table none that is not there', async () => {
    assert.deepEqual(await registeredRoutes(), Object.keys(table).sort());
  });

  for (const [route, calls] of Object.entries(table))
    it(`${route} answers with Docker's status codes and shapes`, async () => {
      for (const call of calls) {
        const [method = ''] = route.split(' ');
        const path = `/v${call.version ?? '1.51'}${call.path.replace('{exec}', exec)}`;
        await check(daemon, method, { ...call, path });
      }
    });
});

async function check(daemon: TestDaemon, method: string, call: Call): Promise<void> {
  const answer = await daemon.api(method, call.path.replaceAll(/["{}[\]]/g, encodeURIComponent), call.body);
  const about = `${method} ${call.path} ${call.body === undefined ? '' : JSON.stringify(call.body)}\n${answer.status} ${answer.text.slice(0, 3000)}`;
  assert.equal(answer.status, call.status, about);
  const type = answer.headers['content-type'];
  if (call.type !== undefined) assert.equal(type, call.type, about);
  if (answer.status >= 400) checkError(method, answer.text, type, about);
  if (call.text !== undefined) assert.match(answer.text, call.text, about);
  const { shape } = call;
  if (shape === undefined) return;
  assert.equal(type, 'application/json', about);
  assert.match(answer.text, /[^\n]\n$/, `the JSON ends with a newline: ${about}`);
  const problems = Value.Errors(shape, answer.json).map(({ instancePath, message, params }) =>
    [instancePath, message, JSON.stringify(params)].join(' '),
  );
  assert.deepEqual(problems, [], about);
}

function checkError(method: string, text: string, type: string | undefined, about: string): void {
  if (method === 'HEAD') return;
  assert.equal(type, 'application/json', about);
  assert.match(text, /^\{"message":"(?:[^"\\]|\\.)+"\}\n$/, about);
}

/** What the program registers, but for Berth's own routes and the HEAD that comes with every GET. */
async function registeredRoutes(): Promise<string[]> {
  const folder = await mkdtemp('/var/tmp/b-');
  const [root, run, config] = [join(folder, 'root'), join(folder, 'run'), join(folder, 'config.toml')];
  await writeFile(config, '');
  const { settings } = await loadSettings({
    BERTH_ROOT: root,
    BERTH_RUN: run,
    BERTH_CONFIG: config,
  });
  const log = pino({ level: 'silent' });
  const wired = await wire(settings, log);
  const found = new Set<string>();
  const server = await createServer({
    log,
    version: '',
    routes: (app, ...more) => {
      app.addHook('onRoute', ({ method, url }) => {
        for (const each of [method].flat()) if (!url.startsWith('/berth/')) found.add(`${each} ${url}`);
      });
      wired.routes(app, ...more);
    },
  });
  await server.stop(0);
  await wired.close();
  await removeInstance(instanceOf(root, run));
  await rm(folder, { recursive: true });
  const isImplied = (route: string): boolean =>
    route.startsWith('HEAD ') && found.has(route.replace('HEAD', 'GET')) && !(route in table);
  return [...found].filter((route) => !isImplied(route)).sort();
}
