import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

const folder = new URL('../../../examples/guestbook', import.meta.url).pathname;
const patienceMs = 60_000;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

/** The page, as soon as it is served; a service that was just restarted may need a moment. */
async function page(url: string): Promise<string> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      const response = await fetch(url);
      if (response.ok) return await response.text();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    assert.ok(Date.now() < deadline, `${url} is not served`);
    await sleep(100);
  }
}

/** Both containers are healthy, as any client sees it. */
async function allHealthy(daemon: TestDaemon): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const status = (await daemon.ok('ps', '--format', '{{.Names}} {{.Status}}')).split('\n');
    assert.equal(status.length, 2, status.join('\n'));
    if (status.every((line) => line.includes('(healthy)'))) return;
    assert.ok(Date.now() < deadline, status.join('\n'));
    await sleep(100);
  }
}

async function containerOf(daemon: TestDaemon, service: string): Promise<string> {
  const id = await daemon.ok('ps', '-q', '--filter', `label=com.docker.compose.service=${service}`);
  assert.match(id, /^[0-9a-f]{12}$/, service);
  return id;
}

test('the guestbook comes up healthy and safe, stores entries, survives restarts and goes down', async () => {
  await using daemon = await startDaemon();
  const port = await freePort();
  const environment = { GUESTBOOK_PORT: String(port) };
  const url = `http://127.0.0.1:${port}/`;

  const up = await daemon.berth('up', folder, { environment });
  assert.equal(up.code, 0, up.stdout + up.stderr + daemon.log);
  assert.match(up.stdout + up.stderr, new RegExp(`http://[^ ]*:${port}`));
  assert.match(await page(url), /Nobody has signed yet/);

  await allHealthy(daemon);
  const services = { web: await containerOf(daemon, 'web'), redis: await containerOf(daemon, 'redis') };
  for (const id of Object.values(services)) {
    const format = '{{.HostConfig.ReadonlyRootfs}} {{json .HostConfig.CapDrop}} {{.HostConfig.Memory}}';
    assert.equal(await daemon.ok('inspect', '-f', format, id), `true ["ALL"] ${128 * 1024 * 1024}`);
  }
  const statusOf = 'grep -E "^(Uid|CapEff|NoNewPrivs|Seccomp):" /proc/1/status';
  const web = await daemon.ok('exec', services.web, 'sh', '-c', statusOf);
  assert.match(web, /^Uid:\t1000\t.*\nCapEff:\t0{16}\nNoNewPrivs:\t1\nSeccomp:\t2$/);

  const sent = new URLSearchParams({ name: 'Ann <b>', message: 'Hello "there" & <script>alert(1)</script>' });
  const answer = await fetch(new URL('/entries', url), { method: 'POST', body: sent, redirect: 'manual' });
  assert.equal(answer.status, 303);
  const stored = /Hello &quot;there&quot; &amp; &lt;script&gt;alert\(1\)&lt;\/script&gt;/;
  assert.match(await page(url), stored);
  assert.match(await page(url), /1 entry/);

  for (const id of [services.redis, services.web]) {
    await daemon.ok('restart', id);
    assert.match(await page(url), stored);
  }

  const again = await daemon.berth('up', folder, { environment });
  assert.equal(again.code, 0, again.stdout + again.stderr);
  assert.equal(await containerOf(daemon, 'web'), services.web);
  assert.equal(await containerOf(daemon, 'redis'), services.redis);

  const down = await daemon.berth('down', folder, { environment });
  assert.equal(down.code, 0, down.stdout + down.stderr);
  assert.equal(await daemon.ok('ps', '-aq'), '');
  assert.match(await daemon.ok('volume', 'ls', '-q'), /guestbook_entries/);
  assert.equal((await daemon.berth('up', folder, { environment })).code, 0);
  assert.match(await page(url), stored);
});
