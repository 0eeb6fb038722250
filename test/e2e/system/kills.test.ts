import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { run } from '../../support/docker.ts';
import { leaksOf } from '../../support/leaks.ts';

const program = new URL('../../../src/main/berth.ts', import.meta.url).pathname;
// `npm run test:kills` sets more rounds.
const rounds = Number(process.env['BERTH_KILLS'] ?? 6);
// Printed, so that a failure can be repeated.
const seed = Number(process.env['BERTH_SEED'] ?? Date.now() % 1_000_000);
const port = 20_000 + (process.pid % 10_000);

const compose = `
name: app
services:
  one:
    image: busybox
    command: sleep 600
    init: true
    networks: [inner]
    volumes: [data:/data, /anonymous]
  two:
    build: ./two
    ports: ["127.0.0.1:${port}:80"]
    depends_on: [one]
    networks: [inner, outer]
    stop_grace_period: 0s
networks:
  inner: {}
  outer: {}
volumes:
  data: {}
`;
const dockerfile = `FROM busybox
COPY file /file
RUN head -c 100000 /dev/zero > /zeros && mkdir /made
RUN cat /file >> /zeros
CMD ["sleep", "600"]
`;

/** Begins what may be interrupted; the client ends, however it goes. */
type Work = (daemon: TestDaemon, round: number) => Promise<{ ended: Promise<unknown> }>;

const app = (daemon: TestDaemon): string => join(daemon.folder, 'app');

const begun = (ended: Promise<unknown>): Promise<{ ended: Promise<unknown> }> => Promise.resolve({ ended });

const works: Record<string, Work> = {
  up: async (daemon) => {
    const child = spawn(process.execPath, [program, 'up', '--json', app(daemon)], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, ...daemon.environment },
    });
    const ended = once(child, 'close');
    // From its plan on; before, it would start a daemon of its own instead of the killed one.
    await Promise.race([once(child.stdout, 'data'), ended]);
    child.stdout.resume();
    return { ended };
  },
  down: async (daemon) => {
    assert.equal((await daemon.berth('up', app(daemon))).code, 0);
    return { ended: daemon.berth('down', '--volumes', app(daemon)) };
  },
  'docker run': (daemon, round) =>
    begun(daemon.docker('run', '--rm', '--name', `run-${round}`, '-v', '/anonymous', 'busybox', 'true')),
  'docker run -d': (daemon, round) => {
    const options = ['-v', '/a', '-p', `127.0.0.1:${port + 1}:80`, '--name', `d-${round}`];
    return begun(daemon.docker('run', '-d', ...options, 'busybox', 'sleep', '600'));
  },
  'docker rm': async (daemon, round) => {
    await daemon.ok('run', '-d', '-v', '/a', '--name', `rm-${round}`, 'busybox', 'sleep', '600');
    return { ended: daemon.docker('rm', '-f', '-v', `rm-${round}`) };
  },
  'docker build': async (daemon, round) => {
    await writeFile(join(app(daemon), 'two', 'file'), `round ${round}`);
    return {
      ended: daemon.docker('build', '-t', `built:${round}`, join(app(daemon), 'two'), {
        environment: { DOCKER_BUILDKIT: '0' },
      }),
    };
  },
};

describe('a daemon that is killed again and again', () => {
  it(`leaves nothing behind, and loses nothing (seed ${seed})`, async () => {
    await using daemon = await startDaemon();
    await daemon.loadBusybox();
    await writeApp(daemon);
    const random = generator(seed);
    await daemon.ok('network', 'create', 'kept');
    await daemon.ok('volume', 'create', 'kept');
    const holds = ['--network', 'kept', '-v', 'kept:/kept'];
    await daemon.ok('run', '-d', '--name', 'writer', ...holds, 'busybox', 'sh', '-c', counting);
    await daemon.ok('create', '--name', 'keeper', 'busybox', 'true');
    const before = await standing(daemon);
    const names = Object.keys(works);
    for (let round = 0; round < rounds; round++) {
      const name = names[round % names.length] ?? '';
      const delay = Math.floor(random() * random() * 800);
      const work = await works[name]?.(daemon, round);
      await new Promise((resolve) => setTimeout(resolve, delay));
      await daemon.kill9();
      await work?.ended;
      await daemon.start();
      const what = `round ${round}, ${name}, killed after ${delay} ms`;
      await isWhole(daemon, what);
      await clean(daemon, what);
      assert.deepEqual(await standing(daemon), before, what);
    }
    await daemon.ok('kill', 'writer');
    const lines = (await daemon.ok('logs', 'writer')).split('\n');
    assert.ok(lines.length > 20);
    assert.deepEqual(
      lines,
      lines.map((_, index) => `line ${index}`),
    );
  });
});

const counting = 'i=0; while :; do echo line $i; i=$((i+1)); sleep 0.02; done';

async function writeApp(daemon: TestDaemon): Promise<void> {
  const folder = join(daemon.folder, 'app', 'two');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'Dockerfile'), dockerfile);
  await writeFile(join(folder, 'file'), 'first');
  await writeFile(join(daemon.folder, 'app', 'compose.yaml'), compose);
}

/** What a user sees is in a state that Docker's users know, and what was acknowledged is there. */
async function isWhole(daemon: TestDaemon, what: string): Promise<void> {
  const all = await daemon.ok('ps', '-a', '--format', '{{.Names}} {{.State}}');
  // A `down` that was killed is brought to its end in the background.
  for (const line of all.split('\n')) assert.match(line, / (created|running|exited|removing)$/, what);
  assert.match(all, /^writer running$/m, what);
  assert.match(all, /^keeper created$/m, what);
}

async function clean(daemon: TestDaemon, what: string): Promise<void> {
  const down = await daemon.berth('down', '--volumes', join(daemon.folder, 'app'));
  assert.ok(
    down.code === 0 || down.stderr.includes('there is no app'),
    `${what}: ${down.stderr}\n${daemon.log}`,
  );
  const others = (await daemon.ok('ps', '-a', '--format', '{{.Names}}')).split('\n');
  for (const name of others.filter((each) => each !== 'writer' && each !== 'keeper'))
    await daemon.ok('rm', '-f', '-v', name);
  for (const number of [port, port + 1]) await isFree(number);
}

async function isFree(number: number): Promise<void> {
  const server = createServer().listen(number, '127.0.0.1');
  await once(server, 'listening');
  server.close();
}

/** Everything outside of the store of images that exists for this daemon. */
async function standing(daemon: TestDaemon): Promise<unknown> {
  const rules = await run('nft', ['list', 'ruleset']);
  const table = rules.stdout
    .split(/^(?=table)/m)
    .filter((text) => text.includes(`${daemon.instance.table} `));
  return {
    // The writer has one link.
    held: (await leaksOf(daemon.instance, daemon.root, 1))
      .map((line) => line.replace(/^process \d+/, 'process'))
      .toSorted(),
    rules: table.flatMap((text) => text.split(/[\n,{}]/).map((part) => part.trim())).toSorted(),
    volumes: await daemon.ok('volume', 'ls', '-q'),
    networks: await daemon.ok('network', 'ls', '--format', '{{.Name}}'),
  };
}

/** mulberry32 */
function generator(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
