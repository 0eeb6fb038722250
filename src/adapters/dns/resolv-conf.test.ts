import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOfPointer } from '#adapters/dns/answer.ts';
import { parseResolvConf } from '#adapters/dns/resolv-conf.ts';

test('servers and search domains are read, what means nothing is passed over', () => {
  const text = [
    '# nameserver 1.1.1.1',
    'nameserver 10.0.0.53 # first',
    '  nameserver\tfd00::53',
    'nameserver fe80::1%eth0',
    'nameserver nonsense',
    'domain old.example',
    'search a.example b.example .',
    'options edns0',
  ].join('\n');
  assert.deepEqual(parseResolvConf(text), {
    servers: ['10.0.0.53', 'fd00::53', 'fe80::1%eth0'],
    search: ['a.example', 'b.example'],
  });
});

test('the names of the reverse zones give their addresses', () => {
  assert.equal(addressOfPointer('2.0.17.172.in-addr.arpa'), '172.17.0.2');
  assert.equal(addressOfPointer(`2${'.0'.repeat(29)}.d.f.ip6.arpa.`), 'fd00::2');
  assert.equal(addressOfPointer('2.17.172.in-addr.arpa'), undefined);
  assert.equal(addressOfPointer('example.com'), undefined);
});
