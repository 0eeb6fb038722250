import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from '../../support/daemon.ts';
import type { RunResult } from '../../support/docker.ts';
import { until } from '../../support/example-app.ts';
import { freePort } from '../../support/free-port.ts';
import { askHttp } from '../../support/ingress.ts';
import { failuresOf, loadFromContainer, loadFromHost, type Load, type LoadCount } from '../../support/wrk.ts';

// A constant load on three ways to a service while it, the daemon and the balancer are changed, ended and killed.
// BERTH_LOAD_ROUNDS makes each phase longer: npm run test:zero-downtime.
const rounds = Number(process.env['BERTH_LOAD_ROUNDS'] ?? 1);
const image = 'debian.berth/nodejs/wrk:bookworm';
const host = 'load.test';

const settings = await mkdtemp('/var/tmp/b-load-');
const [httpPort, otherPort, port] = [await freePort(), await freePort(), await freePort()];
const config = join(settings, 'config.toml');
await writeFile(
  config,
  `[ingress]\naddresses = ["127.0.0.1"]\nhttp-port = ${httpPort}\nhttps-port = ${await freePort()}\n`,
);
const daemon = await startDaemon({ environment: { BERTH_CONFIG: config } });
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(settings, { recursive: true });
});

// Answers after a moment, so that requests are always under way; told to end, it asks clients to come anew.
const server = `import { createServer } from 'node:http';
import { hostname } from 'node:os';
import { readFileSync } from 'node:fs';
const key = readFileSync('/run/secrets/key');
let ends = false;
const server = createServer((request, response) => {
  if (request.url === '/name') response.end(hostname());
  else if (request.url === '/key') response.end(key);
  else setTimeout(() => {
    if (ends) response.setHeader('Connection', 'close');
    response.end(process.env.VERSION);
  }, 10);
});
server.keepAliveTimeout = 600_000;
server.listen(8000);
process.once('SIGTERM', () => {
  ends = true;
  server.close(() => process.exit(0));
});
`;

const compose = (version: string): string => `services:
  web:
    image: ${image}
    command: node /srv/server.mjs
    user: app
    environment: { VERSION: "${version}" }
    stop_grace_period: 5s
    volumes: ["./server.mjs:/srv/server.mjs:ro"]
    ports: ["127.0.0.1:${port}:8000"]
    deploy: { replicas: 2 }
    secrets: [key]
    x-berth:
      ingress: [{ host: ${host}, port: 8000 }]
      update: { drain: 2s }
      probes:
        startup: { http: { port: 8000, path: / }, period: 200ms, failure_threshold: 100 }
        readiness: { http: { port: 8000, path: / }, period: 1s }
secrets: { key: { file: ./key.txt } }
`;

const folder = join(daemon.folder, 'projects/load');
const write = (name: string, text: string): Promise<void> =>
  writeFile(join(folder, name), text, { mode: 0o644 });

async function berth(...words: string[]): Promise<RunResult> {
  const result = await daemon.berth(...words);
  assert.equal(result.code, 0, `berth ${words.join(' ')}\n${result.stderr}${result.stdout}\n${daemon.log}`);
  return result;
}

/** Ids of the replicas that are well, once there are as many as there are to be. */
function replicas(count: number): Promise<string[]> {
  const filters = encodeURIComponent(JSON.stringify({ name: ['load-web'], health: ['healthy'] }));
  const look = async (): Promise<string[]> => {
    const { text } = await daemon.api('GET', `/containers/json?filters=${filters}`);
    return [...text.matchAll(/"Id":"([0-9a-f]{64})"/g)].map(([, id = '']) => id);
  };
  return until(look, (ids) => ids.length === count);
}

/** Ends the process in a container as if the kernel had done it for want of memory. */
async function kill9(id: string): Promise<void> {
  process.kill(Number(await daemon.ok('inspect', '-f', '{{.State.Pid}}', id)), 'SIGKILL');
}

/** The one that began first: what died lately is started again with ever longer pauses. */
async function oldest(ids: string[]): Promise<string> {
  const lines = await daemon.ok('inspect', '-f', '{{.State.StartedAt}} {{.Id}}', ...ids);
  return lines.split('\n').sort()[0]?.split(' ')[1] ?? '';
}

/** Kills a replica and waits for its successor. Gives how long that took, in milliseconds. */
async function replaceOne(): Promise<number> {
  const ids = await replicas(2);
  const victim = await oldest(ids);
  const begun = performance.now();
  await kill9(victim);
  // A container that is started again keeps its id.
  await until(
    () => replicas(1),
    ([left]) => left !== victim,
  );
  await replicas(2);
  return performance.now() - begun;
}

/** Ids of the processes that a process started. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').map(Number);
}

type Ways = 'ingress' | 'port' | 'port, kept' | 'name';

async function startLoads(): Promise<Record<Ways, Load>> {
  const url = `http://127.0.0.1:${port}/`;
  const inside = { url: 'http://web:8000/', connections: 4, closes: true };
  return {
    ingress: loadFromHost({ url: `http://127.0.0.1:${httpPort}/`, connections: 8, host }),
    port: loadFromHost({ url, connections: 4, closes: true }),
    'port, kept': loadFromHost({ url, connections: 4 }),
    name: await loadFromContainer(daemon, 'load_default', image, inside),
  };
}

function stopAll(loads: Record<Ways, Load>): Promise<[string, LoadCount][]> {
  const stopped = Object.entries(loads).map(async ([way, load]): Promise<[string, LoadCount]> => [
    way,
    await load.stop(),
  ]);
  return Promise.all(stopped);
}

/** Does `change` under load and gives what each way met. */
async function under(
  t: TestContext,
  phase: string,
  change: (round: number) => Promise<unknown>,
): Promise<Record<Ways, LoadCount>> {
  const loads = await startLoads();
  const begun = performance.now();
  await sleep(500);
  try {
    for (let round = 0; round < rounds; round += 1) await change(round);
    await sleep(500);
  } catch (error) {
    await stopAll(loads);
    throw error;
  }
  const counts = await stopAll(loads);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const [ingress, onPort, kept, name] = counts.map(([, count]) => count);
  assert.ok(ingress !== undefined && onPort !== undefined && kept !== undefined && name !== undefined);
  for (const [way, count] of counts) {
    const { answers, refused, connect, read, write: written, timeout } = count;
    t.diagnostic(
      `${phase} (${seconds} s), ${way}: ${failuresOf(count)} of ${answers} failed` +
        (failuresOf(count) === 0
          ? ''
          : ` (status ${refused}, connect ${connect}, read ${read}, write ${written}, timeout ${timeout})`),
    );
    assert.ok(answers > 100, `${way} asked only ${answers} times`);
  }
  return { ingress, port: onPort, 'port, kept': kept, name };
}

/** No request failed on any of the ways. */
function noneFailed(counts: Record<Ways, LoadCount>): void {
  const failures = Object.entries(counts).map(([way, count]) => [way, failuresOf(count)]);
  assert.deepEqual(
    failures,
    failures.map(([way]) => [way, 0]),
  );
}

/** Has all replicas replaced. */
async function deploy(version: string): Promise<void> {
  await write('compose.yaml', compose(version));
  await berth('up', folder);
}

before(async () => {
  await mkdir(folder, { recursive: true });
  await write('server.mjs', server);
  await write('key.txt', 'first');
  await deploy('one');
});

test('deploying a revision fails no request', async (t) => {
  const counts = await under(t, 'deploy', (round) => deploy(`two, round ${round}`));
  noneFailed(counts);
});

test('scaling 1, 10, 1 fails no request', async (t) => {
  await berth('scale', 'load/web=1');
  const counts = await under(t, 'scale 1-10-1', async () => {
    await berth('scale', 'load/web=10');
    await berth('scale', 'load/web=1');
  });
  await berth('scale', 'load/web=2');
  noneFailed(counts);
});

test('kill -9 of a replica fails no request by ingress', async (t) => {
  const counts = await under(t, 'kill -9 of a replica', async (round) => {
    if (round > 0) await deploy(`killed, round ${round}`);
    await replaceOne();
    await sleep(1000);
  });
  assert.equal(failuresOf(counts.ingress), 0);
});

test('new connections avoid a replica that was killed within a second', async (t) => {
  const failed: number[] = [];
  let [isOver, asked] = [false, 0];
  const asking = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      asked += 1;
      const begun = performance.now();
      const { status } = await askHttp(port, { path: '/name' }).catch(() => ({ status: 0 }));
      if (status !== 200) failed.push(begun);
    }
  });
  const windows: number[] = [];
  const successors: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    if (round > 0) await deploy(`avoided, round ${round}`);
    const begun = performance.now();
    successors.push(await replaceOne());
    windows.push(Math.max(0, ...failed.map((at) => at - begun)));
  }
  isOver = true;
  await Promise.all(asking);
  const shown = (times: number[]): string => times.map((ms) => ms.toFixed(0)).join(', ');
  t.diagnostic(
    `dead replicas: last failed connection after ${shown(windows)} ms, successor ready after ${shown(successors)} ms; ` +
      `${failed.length} of ${asked} connections failed`,
  );
  assert.ok(Math.max(...windows) < 1000);
});

test('kill -9 of the daemon and its start fail no request', async (t) => {
  const counts = await under(t, 'kill -9 of the daemon', async () => {
    await daemon.kill9();
    await sleep(500);
    await daemon.start();
  });
  noneFailed(counts);
});

test('a reload of the balancer fails no request', async (t) => {
  const other = join(daemon.folder, 'projects/other');
  await mkdir(other, { recursive: true });
  await writeFile(
    join(other, 'compose.yaml'),
    `services:
  web:
    image: ${image}
    command: sleep 600
    stop_grace_period: 0s
    x-berth: { ingress: [{ host: other.test, port: 80, entrypoint: ${otherPort} }] }
`,
  );
  const counts = await under(t, 'reload of HAProxy', async () => {
    await berth('up', other);
    await berth('down', other);
  });
  noneFailed(counts);
});

test('kill -9 of HAProxy fails what it holds, and no request that does not pass it', async (t) => {
  const pidFile = join(daemon.run, 'haproxy/pid');
  const masterOf = (): Promise<number> => readFile(pidFile, 'utf8').then(Number, () => 0);
  const outages: number[] = [];
  const counts = await under(t, 'kill -9 of HAProxy', async () => {
    const before = await masterOf();
    const [worker = 0] = await childrenOf(before);
    const begun = performance.now();
    process.kill(worker, 'SIGKILL');
    await until(masterOf, (pid) => pid !== before && pid > 0);
    const answers = (): Promise<number> =>
      askHttp(httpPort, { host }).then(
        ({ status }) => status,
        () => 0,
      );
    await until(answers, (status) => status === 200);
    outages.push(performance.now() - begun);
  });
  t.diagnostic(`HAProxy answered again after ${outages.map((ms) => ms.toFixed(0)).join(', ')} ms`);
  const { ingress, ...others } = counts;
  // Connections that it held break, and until it is there again new ones are refused: nobody else listens.
  assert.equal(ingress.timeout, 0);
  assert.ok(Math.max(...outages) < 1000);
  assert.equal(
    Object.values(others).reduce((sum, count) => sum + failuresOf(count), 0),
    0,
  );
});

test('going back to the former revision fails no request', async (t) => {
  const version = (): Promise<string> => askHttp(httpPort, { host }).then(({ text }) => text);
  await deploy('former');
  await deploy('latter');
  const parse: (text: string) => { number: number }[] = JSON.parse;
  const history = parse((await berth('history', 'load', '--json')).stdout);
  const [former, latter] = history.slice(-2).map(({ number }) => String(number));
  // Without a number a second one would go further back.
  const counts = await under(t, 'rollback', async (round) => {
    const to = round % 2 === 0 ? former : latter;
    await berth('rollback', ...(round === 0 || to === undefined ? [] : [to]), 'load');
  });
  assert.equal(await version(), rounds % 2 === 1 ? 'former' : 'latter');
  noneFailed(counts);
});

test('rotating a secret fails no request', async (t) => {
  const counts = await under(t, 'rotation of a secret', async (round) => {
    await write('key.txt', `another, ${round}`);
    await berth('up', folder);
  });
  assert.equal((await askHttp(httpPort, { host, path: '/key' })).text, `another, ${rounds - 1}`);
  noneFailed(counts);
});
