import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppStreamEvent } from '#api/types/apps.ts';
import { Output } from '#cli/output.ts';
import { rendererFor } from './renderer.ts';
import { address, durationWords, sizeWords, stateWords } from './words.ts';

function recorder(options: { isTTY: boolean; json?: boolean }): {
  output: Output;
  out: () => string;
  error: () => string;
} {
  const texts = { out: '', error: '' };
  const stream = (
    name: 'out' | 'error',
  ): { isTTY: boolean; columns: number; write: (text: string | Uint8Array) => boolean } => ({
    isTTY: options.isTTY,
    columns: 80,
    write: (text) => {
      texts[name] += String(text);
      return true;
    },
  });
  const output = new Output({
    stdout: stream('out'),
    stderr: stream('error'),
    json: options.json ?? false,
    environment: { NO_COLOR: '1' },
  });
  return { output, out: () => texts.out, error: () => texts.error };
}

const build = { kind: 'build-image', reason: 'new', service: 'web', image: 'shop-web' };
const pull = { kind: 'pull-image', reason: 'missing', service: 'db', image: 'redis:7' };
const events: AppStreamEvent[] = [
  {
    type: 'notice',
    severity: 'warning',
    code: 'c',
    message: 'services.web.gpus: not honoured',
    file: 'compose.yaml',
    line: 3,
    column: 5,
  },
  { type: 'plan', app: 'shop', revision: 1, steps: [build, pull] },
  { type: 'step', step: build, state: 'started' },
  { type: 'progress', step: build, text: 'Step 1/2 : FROM \u001b[31mbusybox' },
  { type: 'step', step: build, state: 'done' },
  { type: 'step', step: pull, state: 'started' },
  { type: 'progress', step: pull, id: 'abc', text: 'Downloading', current: 500_000, total: 1_000_000 },
  { type: 'progress', step: pull, id: 'def', text: 'Downloading', current: 250_000, total: 500_000 },
  { type: 'step', step: pull, state: 'failed', message: 'no' },
  {
    type: 'unwell',
    service: 'web',
    container: 'shop-web-1',
    message: 'its health check fails',
    probe: { exitCode: 3, output: 'no\n' },
    logs: ['one', 'two'],
  },
];
const result: AppStreamEvent = {
  type: 'result',
  app: 'shop',
  revision: 1,
  changed: true,
  services: [
    {
      name: 'web',
      wanted: 1,
      replicas: [
        {
          container: 'shop-web-1',
          id: 'x',
          replica: 1,
          image: 'shop-web',
          status: 'running',
          health: 'healthy',
          exitCode: 0,
          startedAt: '',
          ports: [{ container: '80/tcp', hostIp: '0.0.0.0', hostPort: 8080 }],
        },
      ],
    },
  ],
};

test('without a terminal there is one line for each thing that happened, and the result on stdout', () => {
  const { output, out, error } = recorder({ isTTY: false });
  const renderer = rendererFor(output);
  for (const event of [...events, result]) renderer.show(event);
  renderer.close();
  assert.equal(
    error(),
    [
      'warning: compose.yaml:3:5: services.web.gpus: not honoured',
      'App shop, revision 1: 2 steps',
      '  + build shop-web  (new)',
      '  + pull redis:7    (missing)',
      '    Step 1/2 : FROM \u001b[31mbusybox',
      'build shop-web: done',
      'pull redis:7: failed',
      'unwell: shop-web-1: its health check fails',
      '  last failing probe: exit code 3, output:',
      '    no',
      '  last lines of its log:',
      '    one',
      '    two',
      '',
    ].join('\n'),
  );
  assert.equal(out(), 'App shop is up (revision 1)\n  shop-web-1  healthy  http://localhost:8080\n');
});

test('a terminal shows what is under way with a bar, and nothing that a build prints moves the cursor', (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] });
  const { output, error } = recorder({ isTTY: true });
  const renderer = rendererFor(output);
  for (const event of events.slice(0, 4)) renderer.show(event);
  t.mock.timers.tick(100);
  assert.match(error(), /build shop-web 0 s {2}Step 1\/2 : FROM busybox$/);
  for (const event of events.slice(4, 8)) renderer.show(event);
  t.mock.timers.tick(100);
  assert.match(error(), / ✔ build shop-web 0\.1 s\n/);
  assert.match(error(), /pull redis:7 0 s {2}█{10}░{10} 50 % {2}750 kB of 1\.50 MB$/);
  renderer.show({ type: 'step', step: pull, state: 'failed', message: 'no' });
  renderer.close();
  assert.ok(error().endsWith('\r\u001b[K ✘ pull redis:7 0.1 s\n'));
});

test('with --json every event is one line on stdout', () => {
  const { output, out, error } = recorder({ isTTY: true, json: true });
  const renderer = rendererFor(output);
  for (const event of events) renderer.show(event);
  assert.equal(out(), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  assert.equal(error(), '');
});

test('durations, sizes and addresses in words', () => {
  assert.equal(durationWords(900), '0 seconds');
  assert.equal(durationWords(61_000), '1 minute');
  assert.equal(durationWords(3 * 86_400_000), '3 days');
  assert.equal(sizeWords(0), '0 B');
  assert.equal(sizeWords(1_500_000), '1.50 MB');
  assert.equal(
    address({ container: '443/tcp', hostIp: '127.0.0.1', hostPort: 8443 }),
    'https://127.0.0.1:8443',
  );
  assert.equal(address({ container: '53/udp', hostIp: '::1', hostPort: 53 }), 'udp://[::1]:53');
});

test('the state of a replica is its health or exit code, and that memory ran out', () => {
  const replica = {
    container: 'c',
    id: 'x',
    replica: 1,
    image: 'i',
    startedAt: '',
    ports: [],
    exitCode: 137,
  };
  const running = { ...replica, status: 'running', health: 'none' };
  assert.equal(stateWords(running), 'running');
  assert.equal(stateWords({ ...running, health: 'starting' }), 'starting');
  assert.equal(
    stateWords({ ...replica, status: 'exited', health: 'none', outOfMemory: { limit: 16e6, peak: 15e6 } }),
    'exited (137), out of memory: it took 15.0 MB of 16.0 MB',
  );
});
