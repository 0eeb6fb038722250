import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { PlanAnswer } from '#api/types/apps.ts';
import { startDaemon } from '../../support/daemon.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

/** An app with one service that does nothing. */
async function project(app: string, settings: string): Promise<string> {
  const folder = join(daemon.folder, 'projects', app);
  await mkdir(folder, { recursive: true });
  const service = `{ image: busybox, command: sleep 1d, stop_grace_period: 0s, ${settings} }`;
  await writeFile(join(folder, 'compose.yaml'), `services: { web: ${service} }\n`);
  return folder;
}

async function planNotes(folder: string): Promise<string[]> {
  const parse: (text: string) => PlanAnswer = JSON.parse;
  const { code, stdout, stderr } = await daemon.berth('plan', '--json', folder);
  assert.equal(code, 0, stderr);
  return parse(stdout).notes;
}

const reserve = (memory: string): string =>
  `deploy: { replicas: 2, resources: { reservations: { memory: ${memory} }, limits: { memory: ${memory} } } }`;

test('what the machine cannot hold is refused with the numbers, planned with a note, and forced when asked for', async () => {
  const folder = await project('big', reserve('8000g'));
  const refused = await daemon.berth('up', folder);
  assert.equal(refused.code, 1);
  const numbers =
    /15\.6 TiB of memory are reserved, but the machine has [\d.]+ [GT]iB of memory \(big\/web 2 x 7\.8 TiB/;
  assert.match(refused.stderr, /the app big does not fit into this machine/);
  assert.match(refused.stderr, numbers);
  assert.match(refused.stderr, /or take the risk: --overcommit/);
  assert.equal(await daemon.ok('ps', '-aq'), '');
  assert.match((await planNotes(folder)).join('\n'), numbers);
  const forced = await daemon.berth('up', '--overcommit', folder);
  assert.equal(forced.code, 0, forced.stderr);
  assert.match(forced.stderr, /note: the memory limits together are 15\.6 TiB/);
  // Another app pays for it only when it reserves something itself.
  const other = await project('small', 'mem_limit: 64m');
  assert.match((await daemon.berth('up', other)).stderr, /does not fit/);
  assert.equal((await daemon.berth('up', await project('free', 'init: true'))).code, 0);
  // What was forced once is not refused at every further change.
  assert.equal((await daemon.berth('up', folder)).code, 0);
  for (const app of ['big', 'free']) assert.equal((await daemon.berth('down', app)).code, 0);
});

test('who sets no limit of processes gets one, which the plan tells', async () => {
  const folder = await project('plain', 'init: true');
  assert.match(
    (await planNotes(folder)).join('\n'),
    /web: at most 4096 processes by default, since none is set/,
  );
  assert.equal((await daemon.berth('up', folder)).code, 0);
  assert.equal(await daemon.ok('inspect', '-f', '{{.HostConfig.PidsLimit}}', 'plain-web-1'), '4096');
  const limit = '{{.HostConfig.PidsLimit}} {{.HostConfig.CpuShares}}';
  const reserved = 'deploy: { resources: { limits: { pids: 50 }, reservations: { cpus: "0.25" } } }';
  assert.equal((await daemon.berth('up', await project('plain', reserved))).code, 0);
  assert.equal(await daemon.ok('inspect', '-f', limit, 'plain-web-1'), '50 256');
  assert.equal((await daemon.berth('down', 'plain')).code, 0);
});

test('a constraint is held against this machine', async () => {
  const where = (constraint: string): string => `deploy: { placement: { constraints: ["${constraint}"] } }`;
  const refused = await daemon.berth('up', await project('placed', where('node.labels.disk==ssd')));
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /compose\.yaml:1: the service web is to run where node\.labels\.disk==ssd, but this machine, the only one, has no node\.labels\.disk/,
  );
  const here = await daemon.berth('plan', await project('placed', where(`node.hostname==${hostname()}`)));
  assert.equal(here.code, 0, here.stderr);
});

test('a replica has processors of its own, and who finds none is refused with the line that asks', async () => {
  const allowed = async (name: string): Promise<string> =>
    (await daemon.ok('exec', name, 'grep', 'Cpus_allowed_list', '/proc/self/status')).split('\t')[1] ?? '';
  const plain = await daemon.ok('run', '-d', '--name', 'plain', 'busybox', 'sleep', '1d');
  const all = await allowed('plain');
  const folder = await project('own', 'x-berth: { resources: { exclusive_cpus: 1, numa: node } }');
  assert.match((await planNotes(folder)).join('\n'), /own\/web: 1 processor of its own, of one memory node/);
  assert.equal((await daemon.berth('up', folder)).code, 0);
  const own = await allowed('own-web-1');
  assert.match(own, /^\d+$/);
  assert.equal(await daemon.ok('inspect', '-f', '{{.HostConfig.CpusetCpus}}', 'own-web-1'), own);
  assert.ok(!(await allowed('plain')).split(/[,-]/).includes(own), await allowed('plain'));
  await daemon.kill9();
  await daemon.start();
  const much = await daemon.berth('scale', 'own/web=500');
  assert.equal(much.code, 1);
  assert.match(
    much.stderr,
    /compose\.yaml:1: own\/web: no processors of its own for replica \d+: 1 are needed, 0 are free/,
  );
  assert.equal((await daemon.berth('down', 'own')).code, 0);
  assert.equal(await allowed('plain'), all);
  await daemon.ok('rm', '-f', plain);
});
