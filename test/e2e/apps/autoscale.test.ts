import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { AutoscaleAnswer } from '#api/types/autoscale.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { freePort } from '../../support/free-port.ts';
import { askHttp } from '../../support/ingress.ts';

const settings = await mkdtemp('/var/tmp/b-autoscale-');
const [httpPort, httpsPort, jobsPort] = [await freePort(), await freePort(), await freePort()];
await writeFile(
  join(settings, 'config.toml'),
  `[autoscale]
period = 1
[ingress]
addresses = ["127.0.0.1"]
http-port = ${httpPort}
https-port = ${httpsPort}
`,
);
const daemon: TestDaemon = await startDaemon({
  environment: { BERTH_CONFIG: join(settings, 'config.toml') },
});
before(() => daemon.loadBusybox());
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(settings, { recursive: true });
});

const rules =
  'up: { policies: [{ pods: 5, period: 1 }] }, down: { window: 2, policies: [{ percent: 100, period: 1 }] }';

/** An app with one service, whose folder `www` its replicas serve. */
async function project(app: string, more: string): Promise<string> {
  const folder = join(daemon.folder, 'projects', app);
  await mkdir(join(folder, 'www/cgi-bin'), { recursive: true });
  await writeFile(join(folder, 'www/index.html'), 'fine\n');
  // Answers once the file `go` is there.
  const held =
    '#!/bin/sh\nwhile [ ! -e /www/go ]; do sleep 0.1; done\nprintf "Content-Type: text/plain\\n\\nlate\\n"\n';
  await writeFile(join(folder, 'www/cgi-bin/held'), held);
  await chmod(join(folder, 'www/cgi-bin/held'), 0o755);
  const text = `services:
  web:
    image: busybox
    command: [sh, -c, 'trap "exit 0" TERM; httpd -f -p 8080 -h /www & wait']
    volumes: [./www:/www]
    expose: ["8080"]
    stop_grace_period: 2s
    healthcheck: { test: wget -qO- http://127.0.0.1:8080/, interval: 1s, start_interval: 100ms, start_period: 30s }
${more}`;
  await writeFile(join(folder, 'compose.yaml'), text);
  const { code, stderr } = await daemon.berth('up', '--yes', folder);
  assert.equal(code, 0, stderr);
  return folder;
}

async function explain(service: string): Promise<AutoscaleAnswer> {
  const parse: (text: string) => AutoscaleAnswer = JSON.parse;
  const { code, stdout, stderr } = await daemon.berth('autoscale', 'explain', service, '--json');
  assert.equal(code, 0, stderr);
  return parse(stdout);
}

/** Reads the daemon's events until one tells of a change to so many replicas. */
async function changed(app: string, to: number): Promise<void> {
  const found = await new Promise<string>((resolve, reject) => {
    const filters = encodeURIComponent(JSON.stringify({ type: ['app'], event: ['autoscale'] }));
    const asked = request(
      { socketPath: daemon.socket, path: `/events?since=0&filters=${filters}` },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          const last = text
            .split('\n')
            .findLast((line) => line.includes(`"${app}"`) && line.includes(`"to":"${to}"`));
          if (last === undefined) return;
          resolve(last);
          asked.destroy();
        });
      },
    );
    asked.setTimeout(60_000, () => asked.destroy(new Error(`${app} did not come to ${to} replicas`)));
    asked.on('error', reject).end();
  });
  assert.match(found, /"service":"web"/);
}

/** Requests one after the other until it is stopped. */
class Load {
  answers = 0;
  readonly failures: string[] = [];
  #isOver = false;
  readonly #done: Promise<unknown>;

  constructor(ask: () => Promise<{ status: number; text: string }>) {
    this.#done = Promise.all([this.#run(ask), this.#run(ask)]);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }

  async #run(ask: () => Promise<{ status: number; text: string }>): Promise<void> {
    while (!this.#isOver)
      try {
        const { status, text } = await ask();
        if (status === 200 && text === 'fine\n') this.answers += 1;
        else this.failures.push(`${status}: ${text}`);
      } catch (error) {
        this.failures.push(String(error));
      }
  }
}

test('a metric that the app exposes brings replicas and takes them away, and no request fails', async (t) => {
  const folder = join(daemon.folder, 'projects/jobs');
  const expose = (waiting: number): Promise<void> =>
    writeFile(
      join(folder, 'www/metrics'),
      `# TYPE jobs gauge\njobs{queue="mail"} ${waiting}\njobs{queue="fax"} 99\n`,
    );
  await mkdir(join(folder, 'www'), { recursive: true });
  await expose(10);
  await project(
    'jobs',
    `    ports: ["127.0.0.1:${jobsPort}:8080"]
    x-berth:
      update: { drain: 5s }
      autoscale: { max: 4, metric: { name: jobs, port: 8080, labels: { queue: mail }, target: { average: 10 } }, ${rules} }
`,
  );
  const calm = await explain('jobs/web');
  assert.deepEqual([calm.current, calm.replicas, calm.proposals[0]?.measured], [1, 1, 10]);
  const load = new Load(() => askHttp(jobsPort));
  try {
    await expose(30);
    await changed('jobs', 3);
    await expose(10);
    const busy = await explain('jobs/web');
    assert.match(busy.changes[0]?.reason ?? '', /^jobs: ceil\(1 \* 30 \/ 10\) = 3/);
    await expose(3);
    await changed('jobs', 1);
  } finally {
    await load.stop();
  }
  assert.deepEqual(load.failures, []);
  assert.ok(load.answers > 50, `only ${load.answers} answers`);
  t.diagnostic(`${load.answers} requests, 0 failed, from 1 to 3 to 1 replicas`);
  const { stdout } = await daemon.berth('autoscale', 'ls');
  assert.match(stdout, /jobs\/web +1 +1 +4 +jobs 3\/10/);
});

test('requests that go on bring replicas, a restart keeps what was done, and a person sets no more than max', async () => {
  const folder = await project(
    'held',
    `    x-berth:
      update: { drain: 5s }
      ingress: [{ host: held.test }]
      autoscale: { max: 3, in_flight: 2, ${rules} }
`,
  );
  const load = new Load(() => askHttp(httpPort, { host: 'held.test' }));
  const held = Array.from({ length: 6 }, () =>
    askHttp(httpPort, { host: 'held.test', path: '/cgi-bin/held' }),
  );
  try {
    await changed('held', 3);
    await daemon.kill9();
    await daemon.start();
    const { current, changes, proposals } = await explain('held/web');
    assert.deepEqual([current, changes.at(-1)?.to, proposals[0]?.metric], [3, 3, 'in_flight']);
    const scaled = await daemon.berth('scale', 'held/web=9');
    assert.match(scaled.stderr, /web is autoscaled between 1 and 3: it goes on from 3 instead of 9/);
    await load.stop();
    await writeFile(join(folder, 'www/go'), '');
    assert.deepEqual(
      (await Promise.all(held)).map(({ text }) => text),
      Array.from({ length: 6 }, () => 'late\n'),
    );
    await changed('held', 1);
  } finally {
    await writeFile(join(folder, 'www/go'), '');
    await load.stop();
    await Promise.allSettled(held);
  }
  assert.deepEqual(load.failures, []);
});
