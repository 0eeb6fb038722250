import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFlow } from './flow.ts';

const shop = { kind: 'service', app: 'shop', service: 'web' } as const;
const db = { kind: 'service', service: 'db' } as const;
const tcp = { protocol: 'tcp' } as const;

for (const text of [
  'shop/web -> db:5432',
  'shop/web->db:5432/tcp',
  'shop/web db:5432',
  'shop/web to db:5432',
])
  test(`'${text}' is read`, () => {
    assert.deepEqual(parseFlow(text), { from: shop, to: db, ...tcp, port: 5432 });
  });

test('an end is an address, a name, the host or the world', () => {
  const to = (end: string): unknown => parseFlow(`host -> ${end}`).to;
  assert.deepEqual(to('1.1.1.1:443'), { kind: 'address', address: '1.1.1.1' });
  assert.deepEqual(to('[fd00::1]:53/udp'), { kind: 'address', address: 'fd00::1' });
  assert.deepEqual(to('api.example.com:443'), { kind: 'name', name: 'api.example.com' });
  assert.deepEqual(to('world:443'), { kind: 'world' });
});

for (const text of ['', 'web', 'web -> db', 'web -> db:0', 'web -> db:70000', 'a b c:1', 'web -> db:80/icmp'])
  test(`'${text}' is refused with an example`, () => {
    assert.throws(() => parseFlow(text), { code: 'policy-flow', hint: /'web -> db:5432'/ });
  });
