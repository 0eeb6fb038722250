import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { optionCases } from '../../support/option-cases.ts';

const v1 = existsSync('/sys/fs/cgroup/memory') || existsSync('/sys/fs/cgroup/pids');
/** Reads a limit from inside, by its names in version 1 and 2. */
const limit = (one: string, two: string): string => `cat /sys/fs/cgroup/${v1 ? one : two}`;
const either = <T>(one: T, two: T): T => (v1 ? one : two);
const mb = 1024 * 1024;
/** Of a run of its own. */
const parent = `/berth-parent-${process.pid}`;
const disk = '/dev/vda';

describe('options for limits', { concurrency: 2 }, () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    // The parent of a person's choice stays, as with Docker.
    for (const tree of ['', ...readdirSync('/sys/fs/cgroup')]) {
      const group = join('/sys/fs/cgroup', tree, parent);
      if (existsSync(group)) rmdirSync(group);
    }
  });

  const memory = limit('memory/memory.limit_in_bytes', 'memory.max');
  const swap = limit('memory/memory.memsw.limit_in_bytes', 'memory.swap.max');
  describe('of memory', { concurrency: 2 }, () => {
    optionCases(
      () => daemon,
      [
        { options: '--memory 32m', run: `${memory}; ${swap}`, shows: `${32 * mb}\n${either(64, 32) * mb}` },
        { options: '--memory 32m --memory-swap 48m', run: swap, shows: String(either(48, 16) * mb) },
        { options: '--memory 32m --memory-swap -1', run: swap, shows: either(/^\d{16,}$/, /^max$/) },
        { options: '--memory 5m', code: 125, says: /Minimum memory limit allowed is 6MB/ },
        { options: '--memory-swap 5m', code: 125, says: /always set the Memory limit/ },
        {
          options: '--memory-reservation 20m',
          run: limit('memory/memory.soft_limit_in_bytes', 'memory.low'),
          shows: String(20 * mb),
        },
        {
          options: '--memory 32m --memory-swappiness 7',
          run: limit('memory/memory.swappiness', 'memory.max'),
          shows: either('7', String(32 * mb)),
          ...(v1 ? {} : { says: /swappiness/ }),
        },
        { options: '--memory-swappiness 101', code: 125, says: /valid memory swappiness range is 0-100/i },
        {
          options: '--memory 32m --oom-kill-disable',
          run: limit('memory/memory.oom_control', 'memory.max'),
          shows: either(/oom_kill_disable 1/, /^\d+$/),
          ...(v1 ? {} : { says: /OomKillDisable/ }),
        },
        {
          options: '--oom-kill-disable',
          says: /OOM killer is disabled for the container, but no memory limit/,
        },
      ],
    );
  });

  describe('of processors and processes', { concurrency: 2 }, () => {
    optionCases(
      () => daemon,
      [
        {
          options: '--cpus 0.25',
          run: limit('cpu/cpu.cfs_quota_us', 'cpu.max'),
          shows: either('25000', '25000 100000'),
        },
        {
          options: '--cpu-period 50000 --cpu-quota 20000',
          run: v1
            ? 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us'
            : 'cat /sys/fs/cgroup/cpu.max',
          shows: either('20000\n50000', '20000 50000'),
        },
        { options: '--cpu-quota 500', code: 125, says: /CPU cfs quota can not be less than 1ms/ },
        { options: '--cpus 999', code: 125, says: /range of CPUs is from 0\.01 to \d+\.00/ },
        {
          options: '--cpu-shares 512',
          run: limit('cpu/cpu.shares', 'cpu.weight'),
          shows: either('512', '20'),
        },
        { options: '--cpuset-cpus 0', run: 'grep Cpus_allowed_list /proc/self/status | cut -f2', shows: '0' },
        { options: '--cpuset-mems 0', run: 'grep Mems_allowed_list /proc/self/status | cut -f2', shows: '0' },
        { options: '--cpuset-cpus 4000', code: 125, says: /Requested CPUs are not available/ },
        { options: '--cpuset-cpus x', code: 125, says: /Invalid value x for cpuset cpus/ },
        { options: '--cpu-rt-runtime 5000', code: 125, says: /real-time/ },
        { options: '--pids-limit 9', run: limit('pids/pids.max', 'pids.max'), shows: '9' },
        { options: '--pids-limit -1', run: limit('pids/pids.max', 'pids.max'), shows: 'max' },
        {
          options: `--cgroup-parent ${parent}`,
          run: 'cat /proc/self/cgroup',
          shows: /berth-parent-\d+\/[0-9a-f]{64}/,
        },
        { options: '--cpu-count 1', code: 1, says: /only supported on a Docker daemon running on windows/ },
      ],
    );
  });

  describe('of block devices', { concurrency: 2 }, () => {
    const throttle = (name: string, key: string, shown: string) => ({
      run: v1 ? `cat /sys/fs/cgroup/blkio/blkio.throttle.${name}_device` : `cat /sys/fs/cgroup/io.max`,
      shows: v1 ? new RegExp(`^\\d+:\\d+ ${shown}$`) : new RegExp(`${key}=${shown}`),
    });
    const weights = !v1 || existsSync('/sys/fs/cgroup/blkio/blkio.weight');
    const weight = limit('blkio/blkio.weight', 'io.bfq.weight');
    const discarded = { says: /does not support Block I\/O weight .* Weight discarded/ };
    optionCases(
      () => daemon,
      [
        { options: `--device-read-bps ${disk}:1mb`, ...throttle('read_bps', 'rbps', '1048576') },
        { options: `--device-write-bps ${disk}:2mb`, ...throttle('write_bps', 'wbps', '2097152') },
        { options: `--device-read-iops ${disk}:100`, ...throttle('read_iops', 'riops', '100') },
        { options: `--device-write-iops ${disk}:200`, ...throttle('write_iops', 'wiops', '200') },
        { options: '--device-read-bps /dev/nosuch:1mb', code: 127, says: /\/dev\/nosuch/ },
        // Only a kernel whose block layer honours weights takes them; Docker's words otherwise.
        { options: '--blkio-weight 300', ...(weights ? { run: weight, shows: /300/ } : discarded) },
        { options: '--blkio-weight 5', code: 125, says: /Range of blkio weight is from 10 to 1000/ },
        { options: `--blkio-weight-device ${disk}:300`, ...(weights ? {} : discarded) },
      ],
    );
  });
});
