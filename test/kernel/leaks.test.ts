import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { run } from '../support/docker.ts';
import { lastingVeths } from '../support/leaks.ts';

const rounds = 5;
const parallel = 10;

/** Counts of what containers hold on this machine. */
async function held(daemon: TestDaemon): Promise<Record<string, unknown>> {
  const { instance, pid } = daemon;
  const veths = await lastingVeths(instance);
  const links = await run('ip', ['-o', 'link', 'show']);
  const rules = await run('nft', ['list', 'table', 'inet', instance.table]);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const cgroups = await run('find', ['/sys/fs/cgroup', '-path', `*${instance.cgroupParent}/*`, '-type', 'd']);
  const processes = await run('pgrep', ['-f', '-c', daemon.run]);
  return {
    veths: veths.length,
    links: links.stdout.split('\n').filter((line) => line.includes(`: ${instance.linkPrefix}`)).length,
    rules: rules.stdout.split('\n').length,
    mounts: mounts.filter((line) => line.includes(daemon.folder)).length,
    cgroups: cgroups.stdout,
    processes: processes.stdout,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

describe('fifty containers', () => {
  it('leave mounts, namespaces, cgroups, links, rules, processes and descriptors as they were', async () => {
    await using daemon = await startDaemon();
    await daemon.loadBusybox();
    const once = (): Promise<string> =>
      daemon.ok('run', '--rm', '-P', '--expose', '80', '-v', '/anonymous', 'busybox', 'true');
    await once();
    const before = await held(daemon);
    for (let round = 0; round < rounds; round++) await Promise.all(Array.from({ length: parallel }, once));
    const after = await held(daemon);
    assert.deepEqual({ ...after, descriptors: 0 }, { ...before, descriptors: 0 });
    // Idle keep-alive connections of the clients come and go.
    assert.ok(
      Number(after['descriptors']) <= Number(before['descriptors']) + 3,
      `${String(before['descriptors'])} descriptors before, ${String(after['descriptors'])} after`,
    );
  });
});
