import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { leaksOf } from '../../support/leaks.ts';

const parse: (text: string) => Record<string, unknown> = JSON.parse;
const parseState: (text: string) => {
  State: {
    Status: string;
    Running: boolean;
    Pid: number;
    ExitCode: number;
    StartedAt: string;
    FinishedAt: string;
  };
} = JSON.parse;

describe('main processes that end at once', () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(() => daemon[Symbol.asyncDispose]());

  const inspect = async (id: string) =>
    parseState((await daemon.api('GET', `/containers/${id}/json`)).text).State;

  async function create(exitCode: number): Promise<string> {
    const body = { Image: 'busybox', Cmd: ['sh', '-c', `exit ${exitCode}`] };
    return String(parse((await daemon.api('POST', '/containers/create', body)).text)['Id']);
  }

  it('are right in every status, from the answer to start on', async () => {
    await Promise.all(
      Array.from({ length: 12 }, async (_, exitCode) => {
        const id = await create(exitCode);
        assert.equal((await daemon.api('POST', `/containers/${id}/start`)).status, 204);
        const first = await inspect(id);
        assert.equal(first.Status, first.Running ? 'running' : 'exited');
        assert.equal(first.Pid > 0, first.Running);
        assert.equal(first.ExitCode, first.Running ? 0 : exitCode);
        const waited = parse((await daemon.api('POST', `/containers/${id}/wait`)).text);
        assert.equal(waited['StatusCode'], exitCode);
        const last = await inspect(id);
        assert.deepEqual(
          [last.Status, last.Running, last.Pid, last.ExitCode],
          ['exited', false, 0, exitCode],
        );
        assert.ok(last.FinishedAt >= last.StartedAt, `${last.StartedAt} to ${last.FinishedAt}`);
        assert.match(
          await daemon.ok('ps', '-a', '-f', `id=${id}`, '--format', '{{.Status}}'),
          new RegExp(`^Exited \\(${exitCode}\\)`),
        );
      }),
    );
  });

  it('come and go by the dozen without a trace in the kernel and in the daemon', async () => {
    const held = async (): Promise<number> => (await readdir(`/proc/${daemon.pid}/fd`)).length;
    const cycle = async (): Promise<void> => {
      const id = await create(0);
      await daemon.api('POST', `/containers/${id}/start`);
      await daemon.api('POST', `/containers/${id}/wait`);
      assert.equal((await daemon.api('DELETE', `/containers/${id}`)).status, 204);
    };
    const lane = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n++) await cycle();
    };
    await Promise.all([lane(3), lane(3), lane(3), lane(3)]);
    const before = await held();
    await Promise.all([lane(6), lane(6), lane(6), lane(6)]);
    assert.ok((await held()) <= before + 4, `${before} descriptors became ${await held()}`);
    assert.deepEqual(await leaksOf(daemon.instance, daemon.root), []);
  });
});
