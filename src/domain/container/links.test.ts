import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkVariables } from './links.ts';

test('a legacy link tells ports, name and variables of the other container', () => {
  const linked = {
    address: '172.17.0.2',
    env: ['PATH=/bin', 'HOME=/root', 'A=b=c', 'removed'],
    ports: ['53/udp', '80/tcp'],
  };
  assert.deepEqual(linkVariables('web', 'db-1:my-db', linked), [
    'MY_DB_PORT=udp://172.17.0.2:53',
    'MY_DB_PORT_53_UDP=udp://172.17.0.2:53',
    'MY_DB_PORT_53_UDP_ADDR=172.17.0.2',
    'MY_DB_PORT_53_UDP_PORT=53',
    'MY_DB_PORT_53_UDP_PROTO=udp',
    'MY_DB_PORT_80_TCP=tcp://172.17.0.2:80',
    'MY_DB_PORT_80_TCP_ADDR=172.17.0.2',
    'MY_DB_PORT_80_TCP_PORT=80',
    'MY_DB_PORT_80_TCP_PROTO=tcp',
    'MY_DB_NAME=/web/my-db',
    'MY_DB_ENV_A=b=c',
  ]);
});

test('ports without a gap are told as a range too', () => {
  const told = linkVariables('web', 'db', {
    address: '10.0.0.2',
    env: [],
    ports: ['81/tcp', '80/tcp', '90/tcp'],
  });
  assert.equal(told[0], 'DB_PORT=tcp://10.0.0.2:80');
  assert.deepEqual(
    told.filter((entry) => /START|END/.test(entry)),
    [
      'DB_PORT_80_TCP_START=tcp://10.0.0.2:80',
      'DB_PORT_80_TCP_PORT_START=80',
      'DB_PORT_80_TCP_END=tcp://10.0.0.2:81',
      'DB_PORT_80_TCP_PORT_END=81',
    ],
  );
  assert.deepEqual(linkVariables('web', 'db', { address: '10.0.0.2', env: [], ports: [] }), [
    'DB_NAME=/web/db',
  ]);
});
