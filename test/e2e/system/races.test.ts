import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

describe('requests that race', () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(() => daemon[Symbol.asyncDispose]());

  const container = { Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'none' } };
  const both = async (one: () => Promise<{ status: number }>, other = one): Promise<number[]> =>
    (await Promise.all([one(), other()])).map(({ status }) => status).sort((a, b) => a - b);

  it('for one name: one wins, the other gets 409', async () => {
    for (let round = 0; round < 10; round += 1) {
      const create = () => daemon.api('POST', `/containers/create?name=one${round}`, container);
      assert.deepEqual(await both(create), [201, 409]);
      const network = () => daemon.api('POST', '/networks/create', { Name: `net${round}` });
      assert.deepEqual(await both(network), [201, 409]);
    }
  });

  it('to rename two containers to one name: one wins, the other gets 409', async () => {
    const rename = (name: string) => () => daemon.api('POST', `/containers/${name}/rename?name=taken`);
    assert.deepEqual(await both(rename('one0'), rename('one1')), [204, 409]);
  });

  it('to start one container: one starts it, the other finds it started', async () => {
    const start = () => daemon.api('POST', '/containers/one2/start');
    assert.deepEqual(await both(start), [204, 304]);
  });

  it('to start one exec: one wins, the other gets 409', async () => {
    const { text } = await daemon.api('POST', '/containers/one2/exec', { Cmd: ['true'] });
    const id = /"Id":"(\w+)"/.exec(text)?.[1] ?? '';
    const start = () => daemon.api('POST', `/exec/${id}/start`, { Detach: true });
    assert.deepEqual(await both(start), [200, 409]);
  });

  it('to remove one container: one removes it, the other is told that it is on its way or gone', async () => {
    for (let round = 3; round < 10; round += 1) {
      const [first = 0, second = 0] = await both(() =>
        daemon.api('DELETE', `/containers/one${round}?force=1`),
      );
      assert.equal(first, 204);
      assert.ok([204, 404, 409].includes(second), String(second));
      assert.equal((await daemon.api('GET', `/containers/one${round}/json`)).status, 404);
    }
  });
});
