import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { NetlinkDenialLog } from '#adapters/nftables/denial-log.ts';
import { logGroupOf } from '#adapters/nftables/policies.ts';
import { instanceOf } from '#domain/instance.ts';
import { run } from '../support/docker.ts';
import { becomePrivateHost } from '../support/private-host.ts';

becomePrivateHost();

test('the log goes on after more was refused at once than could be read', async () => {
  const instance = instanceOf('/denial-log/root', '/denial-log/run');
  const rule = `udp dport { 9, 10 } log prefix "out" group ${logGroupOf(instance.table)} drop`;
  const rules = `table inet t {\nchain c {\ntype filter hook output priority 0;\n${rule}\n}\n}\n`;
  assert.equal((await run('nft', ['-f', '-'], { input: rules })).code, 0);
  const log = new NetlinkDenialLog(instance);
  const { promise: last, resolve, reject } = Promise.withResolvers<void>();
  let count = 0;
  log.open(({ port }) => {
    count += 1;
    if (port === 10) resolve();
  }, reject);
  const flood = 5000;
  try {
    // The event loop stands still meanwhile.
    spawnSync('bash', ['-c', `for ((i = 0; i < ${flood}; i++)); do echo x > /dev/udp/127.0.0.1/9; done`]);
    const socket = createSocket('udp4');
    const again = setInterval(() => socket.send('x', 10, '127.0.0.1', () => undefined), 50);
    await last.finally(() => {
      clearInterval(again);
      socket.close();
    });
    assert.ok(count < flood, 'some were lost, or this shows nothing');
  } finally {
    log.close();
  }
});
