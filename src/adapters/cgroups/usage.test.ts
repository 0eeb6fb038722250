import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { usageV1 } from './usage-v1.ts';
import { usageV2 } from './usage-v2.ts';

function group(files: Record<string, string>): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'berth-cgroup-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const expected = {
  cpu: {
    totalNanos: 3_000_000,
    userNanos: 2_000_000,
    systemNanos: 1_000_000,
    periods: 10,
    throttledPeriods: 2,
    throttledNanos: 5_000,
  },
  pids: { current: 3, limit: 0 },
  io: { readBytes: 4096, writeBytes: 8192, reads: 1, writes: 2 },
  oomKills: 1,
};

test('version 2: microseconds become nanoseconds, max is no limit, devices are added up', () => {
  using folder = group({
    'cpu.stat':
      'usage_usec 3000\nuser_usec 2000\nsystem_usec 1000\nnr_periods 10\nnr_throttled 2\nthrottled_usec 5\n',
    'memory.current': '1000\n',
    'memory.peak': '2000\n',
    'memory.max': 'max\n',
    'memory.stat': 'anon 600\ninactive_file 300\n',
    'memory.events': 'low 0\noom 1\noom_kill 1\n',
    'pids.current': '3\n',
    'pids.max': 'max\n',
    'io.stat':
      '8:0 rbytes=4096 wbytes=4096 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=0 wbytes=4096 rios=0 wios=1\n',
  });
  assert.deepEqual(usageV2(folder.path), {
    ...expected,
    memory: { usage: 1000, peak: 2000, limit: 0, cache: 300, stats: { anon: 600, inactive_file: 300 } },
  });
});

test('version 1: the highest number is no limit, operations are picked, devices are added up', () => {
  using folder = group({
    'cpuacct.usage': '3000000\n',
    'cpuacct.usage_user': '2000000\n',
    'cpuacct.usage_sys': '1000000\n',
    'cpu.stat': 'nr_periods 10\nnr_throttled 2\nthrottled_time 5000\n',
    'memory.usage_in_bytes': '1000\n',
    'memory.max_usage_in_bytes': '2000\n',
    'memory.limit_in_bytes': '9223372036854771712\n',
    'memory.stat': 'cache 500\ntotal_inactive_file 300\n',
    'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n',
    'pids.current': '3\n',
    'pids.max': 'max\n',
    'blkio.throttle.io_service_bytes': '8:0 Read 4096\n8:0 Write 4096\n8:16 Write 4096\nTotal 12288\n',
    'blkio.throttle.io_serviced': '8:0 Read 1\n8:0 Write 1\n8:16 Write 1\nTotal 3\n',
  });
  assert.deepEqual(
    usageV1(() => folder.path),
    {
      ...expected,
      memory: {
        usage: 1000,
        peak: 2000,
        limit: 0,
        cache: 300,
        stats: { cache: 500, total_inactive_file: 300 },
      },
    },
  );
});

test('a controller that the host does not have counts nothing', () => {
  const usage = usageV1(() => undefined);
  assert.equal(usage.cpu.totalNanos, 0);
  assert.deepEqual(usage.memory, { usage: 0, peak: 0, limit: 0, cache: 0, stats: {} });
});
