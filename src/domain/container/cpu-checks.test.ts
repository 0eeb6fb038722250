import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Resources } from './config.ts';
import { checkCpus } from './cpu-checks.ts';

const host = { cpus: { count: 4, online: '0-2,5', nodes: '0' } };

describe('processors of a request', () => {
  const refused: [Resources, RegExp][] = [
    [{ NanoCpus: 4_000_000_001 }, /range of CPUs is from 0\.01 to 4\.00, as there are only 4 CPUs available/],
    [{ CpusetCpus: '0,3' }, /Requested CPUs are not available - requested 0,3, available: 0-2,5/],
    [{ CpusetCpus: '2-x' }, /Invalid value 2-x for cpuset cpus/],
    [{ CpusetCpus: '2-1' }, /Invalid value 2-1 for cpuset cpus/],
    [{ CpusetMems: '1' }, /Requested memory nodes are not available/],
    [{ CpuRealtimeRuntime: 5000 }, /real-time scheduling .* is not supported/],
  ];
  for (const [limits, message] of refused)
    it(`are refused: ${message.source}`, () => assert.throws(() => checkCpus(limits, host), { message }));

  it('are taken when the host has them', () => {
    checkCpus({ NanoCpus: 4e9, CpusetCpus: '0-2,5', CpusetMems: '0' }, host);
    checkCpus({}, host);
  });
});
