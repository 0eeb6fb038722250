import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon } from '../support/daemon.ts';

// What a change costs among many apps, beside what it costs alone: processor time of the daemon and its writes to
// files (SQLite's are most of them), which a busy machine changes less than it does the clock.
const apps = Number(process.env['BERTH_APPS']);
const services = Number(process.env['BERTH_SERVICES']);

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

interface Cost {
  /** Milliseconds. */
  processor: number;
  /** Calls that write to a file. */
  writes: number;
}

async function spent(): Promise<Cost> {
  const stat = await readFile(`/proc/${daemon.pid}/stat`, 'utf8');
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  const io = await readFile(`/proc/${daemon.pid}/io`, 'utf8');
  return { processor: (user + system) * 10, writes: Number(/^syscw: (\d+)$/m.exec(io)?.[1]) };
}

/** Of the cheapest of three. */
async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  const found: Cost[] = [];
  for (let round = 0; round < 3; round += 1) {
    const begun = await spent();
    await work();
    const ended = await spent();
    found.push({ processor: ended.processor - begun.processor, writes: ended.writes - begun.writes });
  }
  return {
    processor: Math.min(...found.map((one) => one.processor)),
    writes: Math.min(...found.map((one) => one.writes)),
  };
}

async function up(app: string, version = 0): Promise<void> {
  const folder = join(daemon.folder, app);
  await mkdir(folder, { recursive: true });
  const one = (name: string, value: number): string =>
    `  ${name}: { image: busybox, command: sleep 100000, init: true, stop_grace_period: 1s, environment: { VERSION: "${value}" }, x-berth: { update: { settle: 0s } } }\n`;
  const rest = Array.from({ length: services - 1 }, (_, at) => one(`s${at}`, 0));
  await writeFile(join(folder, 'compose.yaml'), `services:\n${one('web', version)}${rest.join('')}`);
  await berth('up', folder);
}

async function berth(...words: string[]): Promise<void> {
  const { code, stderr, stdout } = await daemon.berth(...words);
  assert.equal(code, 0, `${words.join(' ')}: ${stderr}${stdout}\n${daemon.log}`);
}

async function killed(app: string): Promise<void> {
  const pid = (): Promise<string> => daemon.ok('inspect', '-f', '{{.State.Pid}}', `${app}-web-1`);
  const before = await pid();
  process.kill(Number(before), 'SIGKILL');
  for (let now = before; now === before || now === '0'; now = await pid());
}

/** In an app that is there already. */
async function changes(app: string): Promise<Record<string, Cost>> {
  let version = 1;
  return {
    'an up with nothing to do': await costOf(() => berth('up', join(daemon.folder, app))),
    'an up that changes one service': await costOf(() => up(app, (version += 1))),
    'a replica that is killed': await costOf(async () => {
      await killed(app);
      await berth('up', join(daemon.folder, app));
    }),
  };
}

async function restarted(): Promise<Cost & { memory: number }> {
  await daemon.restart();
  // Answered only when all that was there before has been looked at.
  await daemon.ok('ps', '-q');
  const status = await readFile(`/proc/${daemon.pid}/status`, 'utf8');
  return { ...(await spent()), memory: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024 };
}

test(`a change costs among ${apps} apps of ${services} services what it costs alone`, async (t) => {
  await up('app0');
  const alone = await changes('app0');
  const startAlone = await restarted();
  for (let at = 1; at < apps; at += 1) await up(`app${at}`);
  const many = await changes('app0');
  for (const [what, { processor, writes }] of Object.entries(alone)) {
    const now = many[what] ?? { processor: Infinity, writes: Infinity };
    t.diagnostic(
      `${what}: ${processor} ms and ${writes} writes alone, ${now.processor} ms and ${now.writes} among all`,
    );
    assert.ok(now.writes <= 1.5 * writes + 20, `${what}: ${writes} writes alone, ${now.writes} among all`);
    assert.ok(
      now.processor <= 2 * processor + 100,
      `${what}: ${processor} ms alone, ${now.processor} among all`,
    );
  }
  const startMany = await restarted();
  const all = apps * services;
  const each = (startMany.processor - startAlone.processor) / (all - services);
  t.diagnostic(
    `a start: ${startAlone.processor} ms and ${startAlone.memory.toFixed(0)} MiB with ${services} containers, ` +
      `${startMany.processor} ms and ${startMany.memory.toFixed(0)} MiB with ${all}: ${each.toFixed(1)} ms for each more`,
  );
  assert.ok(each < 30, `${each} ms of a start for each container`);
  assert.ok(startMany.memory < startAlone.memory + all, `${startMany.memory} MiB`);
  for (let at = 0; at < apps; at += 1) await berth('down', join(daemon.folder, `app${at}`));
});
