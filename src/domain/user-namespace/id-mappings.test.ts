import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inverse, mapText, parseMap, toContainer, toHost, type IdMappings } from './id-mappings.ts';

const mappings: IdMappings = {
  uids: [
    { containerID: 0, hostID: 100000, size: 1000 },
    { containerID: 1000, hostID: 500000, size: 10 },
  ],
  gids: [{ containerID: 0, hostID: 200000, size: 65536 }],
};

test('owners become those of the host and back, in each range', () => {
  for (const [inside, outside] of [
    [
      { uid: 0, gid: 0 },
      { uid: 100000, gid: 200000 },
    ],
    [
      { uid: 999, gid: 5 },
      { uid: 100999, gid: 200005 },
    ],
    [
      { uid: 1009, gid: 65535 },
      { uid: 500009, gid: 265535 },
    ],
  ] as const) {
    assert.deepEqual(toHost(mappings, inside), outside);
    assert.deepEqual(toContainer(mappings, outside), inside);
  }
});

test("an id beyond the ranges is refused on the way in and nobody's on the way out", () => {
  assert.throws(() => toHost(mappings, { uid: 1010, gid: 0 }), {
    code: 'id-unmapped',
    message: 'container ID 1010 cannot be mapped to a host ID',
  });
  assert.deepEqual(toContainer(mappings, { uid: 0, gid: 200000 }), { uid: 65534, gid: 0 });
  assert.deepEqual(toContainer(mappings, { uid: 101000, gid: 265536 }), { uid: 65534, gid: 65534 });
});

test('mappings are written as the kernel takes them and read as it shows them', () => {
  assert.equal(mapText(mappings.uids), '0 100000 1000\n1000 500000 10\n');
  assert.deepEqual(
    parseMap('         0     100000       1000\n      1000     500000         10\n'),
    mappings.uids,
  );
  assert.deepEqual(inverse(inverse(mappings)), mappings);
  assert.equal(mapText(inverse(mappings).gids), '200000 0 65536\n');
});
