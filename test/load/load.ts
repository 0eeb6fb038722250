// npm run test:load: the life cycle of many containers. LOAD_CYCLES and LOAD_RUNNING change the amounts.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { leaksOf } from '../support/leaks.ts';

const cycles = Number(process.env['LOAD_CYCLES'] ?? 10_000);
const running = Number(process.env['LOAD_RUNNING'] ?? 300);
const existing = 1000;
/** Containers that one cycle test has under way at once. */
const lanes = 4;

const parse: (text: string) => Record<string, unknown> = JSON.parse;

describe('many containers', () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(() => daemon[Symbol.asyncDispose]());

  async function create(command: string[], network: string): Promise<string> {
    const body = { Image: 'busybox', Cmd: command, HostConfig: { NetworkMode: network } };
    const made = await daemon.api('POST', '/containers/create', body);
    assert.equal(made.status, 201, made.text);
    return String(parse(made.text)['Id']);
  }

  async function expect(status: number, method: string, path: string): Promise<string> {
    const answer = await daemon.api(method, path);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
    return answer.text;
  }

  async function start(command: string[], network: string): Promise<string> {
    const id = await create(command, network);
    await expect(204, 'POST', `/containers/${id}/start`);
    return id;
  }

  const remove = (id: string): Promise<string> => expect(204, 'DELETE', `/containers/${id}?force=1`);

  it('200 containers are started by 20 docker clients at once, and none is left', async (t) => {
    const began = performance.now();
    await inLanes(20, 200, async (n) => {
      await daemon.ok('run', '-d', '--name', `many-${n}`, 'busybox', 'sleep', '10000');
    });
    t.diagnostic(`200 containers in ${Math.round(performance.now() - began)} ms`);
    const ids = (await daemon.ok('ps', '-q', '--no-trunc')).split('\n');
    assert.equal(ids.length, 200);
    await inLanes(8, 200, async (n) => {
      await remove(ids[n] ?? '');
    });
    assert.deepEqual(await leaksOf(daemon.instance, daemon.root), []);
  });

  it(`${existing} containers, ${running} of them running: ps stays below 100 ms and a start costs what it did`, async (t) => {
    const first = await fill(10, 10);
    const few = await costOfStart();
    const rest = await fill(existing - 10, running - 10);
    const many = await costOfStart();
    const client = await fastest(() => daemon.ok('ps', '-a', '-q'));
    const api = await fastest(() => expect(200, 'GET', '/containers/json?all=1'));
    const { rss } = await measure();
    t.diagnostic(`start ${few.toFixed(1)} ms beside 10, ${many.toFixed(1)} ms beside ${running} running`);
    t.diagnostic(
      `docker ps -a ${client.toFixed(1)} ms, by the API ${api.toFixed(1)} ms; ${rss.toFixed(0)} MB resident`,
    );
    await inLanes(8, existing, async (n) => {
      await remove([...first, ...rest][n] ?? '');
    });
    assert.ok(client < 100, `docker ps took ${client} ms`);
    assert.ok(many < few * 1.3, `a start went from ${few} to ${many} ms`);
  });

  async function fill(count: number, started: number): Promise<string[]> {
    const ids: string[] = [];
    await inLanes(8, count, async (n) => {
      ids.push(await (n < started ? start : create)(['sleep', '10000'], 'none'));
    });
    return ids;
  }

  /** Milliseconds of create and start, the median of 15. */
  async function costOfStart(): Promise<number> {
    const times: number[] = [];
    for (let n = 0; n < 15; n++) {
      const began = performance.now();
      const id = await start(['sleep', '10000'], 'bridge');
      times.push(performance.now() - began);
      await remove(id);
    }
    return times.sort((a, b) => a - b)[7] ?? Infinity;
  }

  it(`${cycles} containers come and go, and the daemon does not grow`, async (t) => {
    const cycle = async (): Promise<void> => {
      const id = await start(['true'], 'bridge');
      await expect(200, 'POST', `/containers/${id}/wait`);
      await remove(id);
    };
    await inLanes(lanes, 200, cycle);
    const before = await measure();
    const began = performance.now();
    for (let part = 1; part <= 4; part++) {
      await inLanes(lanes, cycles / 4, cycle);
      t.diagnostic(`after ${(part * cycles) / 4}: ${JSON.stringify(await measure())}`);
    }
    const now = await measure();
    t.diagnostic(
      `before: ${JSON.stringify(before)}; ${((performance.now() - began) / cycles).toFixed(1)} ms a cycle`,
    );
    assert.deepEqual(await leaksOf(daemon.instance, daemon.root), []);
    assert.ok(now.descriptors <= before.descriptors + 5, 'descriptors grow');
    assert.ok(now.threads <= before.threads, 'threads grow');
    assert.equal(now.mounts, before.mounts);
    assert.equal(now.cgroups, before.cgroups);
    assert.equal(now.links, before.links);
    assert.ok(now.rss < before.rss * 1.25 + 20, 'memory grows');
  });

  /** What a daemon could leave, in the kernel and in itself. Memory in MB. */
  async function measure() {
    const { pid } = daemon;
    return {
      rss: Math.round((await daemon.rss()) / 1e6),
      descriptors: (await readdir(`/proc/${pid}/fd`)).length,
      threads: (await readdir(`/proc/${pid}/task`)).length,
      mounts: (await readFile(`/proc/${pid}/mountinfo`, 'utf8')).split(daemon.root).length,
      cgroups: (await leaksOf(daemon.instance, daemon.root, Infinity)).filter((line) =>
        line.startsWith('cgroup '),
      ).length,
      links: await linksOf(daemon.instance.linkPrefix),
    };
  }
});

/** Does `work` for 0 to `count` - 1, `width` at once. */
async function inLanes(width: number, count: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** Milliseconds, the best of five: what else the machine does is not ours. */
async function fastest(work: () => Promise<unknown>): Promise<number> {
  let best = Infinity;
  for (let n = 0; n < 5; n++) {
    const began = performance.now();
    await work();
    best = Math.min(best, performance.now() - began);
  }
  return best;
}

async function linksOf(prefix: string): Promise<number> {
  const text = await readFile('/proc/net/dev', 'utf8');
  return text.split('\n').filter((line) => line.trim().startsWith(prefix)).length;
}
