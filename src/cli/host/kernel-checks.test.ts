import { it } from 'node:test';
import assert from 'node:assert/strict';
import { droppingChains } from './kernel-checks.ts';

it("chains that drop forwarded traffic are found, but for Berth's own", () => {
  const chain = (more: object): object => ({
    chain: { family: 'ip', table: 'filter', name: 'FORWARD', hook: 'forward', policy: 'drop', ...more },
  });
  const listed = (...chains: object[]): string => JSON.stringify({ nftables: [{ metainfo: {} }, ...chains] });
  assert.deepEqual(droppingChains(listed(chain({}), chain({ family: 'ip6' }))), [
    'ip filter FORWARD',
    'ip6 filter FORWARD',
  ]);
  assert.deepEqual(
    droppingChains(
      listed(chain({ policy: 'accept' }), chain({ hook: 'input' }), chain({ table: 'berth_1' })),
    ),
    [],
  );
});
