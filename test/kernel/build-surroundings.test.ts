import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BuildRequest } from '#engine/contracts.ts';
import { buildRoom } from '../support/build-room.ts';

test('what a client says of all commands is part of what their steps are known by', async () => {
  await using room = await buildRoom();
  const files = { Dockerfile: 'FROM base\nRUN ulimit -n >/seen; cat /etc/hosts >>/seen; hostname >>/seen\n' };
  const build = async (request: Partial<BuildRequest>): Promise<{ seen: string; isCached: boolean }> => {
    const { image, output } = await room.build(files, request);
    const seen = await room.inside(image, (root) => readFileSync(join(root, 'seen'), 'utf8'));
    return { seen, isCached: output.includes('Using cache') };
  };
  const plain = await build({});
  const limits = [{ Name: 'nofile', Soft: 77, Hard: 88 }];
  const cases: [Partial<BuildRequest>, RegExp][] = [
    [{ resources: { Ulimits: limits } }, /^77\n/],
    [{ extraHosts: ['one:10.1.2.3'] }, /^10\.1\.2\.3\s+one$/m],
    [{ buildArgs: { BUILDKIT_SANDBOX_HOSTNAME: 'given' } }, /^given$/m],
    [{ resources: { ShmSize: 1024 * 1024 } }, /^\d+\n/],
  ];
  for (const [request, expected] of cases) {
    assert.doesNotMatch(plain.seen, /^77\n|one$|^given$/m);
    const first = await build(request);
    assert.deepEqual([first.isCached, expected.test(first.seen)], [false, true], JSON.stringify(request));
    assert.equal((await build(request)).isCached, true, JSON.stringify(request));
  }
  assert.equal((await build({})).isCached, true);
  assert.equal((await build({ resources: { Memory: 64 * 1024 * 1024 } })).isCached, true);
});

test('clients keep their cache mounts apart by a name', async () => {
  await using room = await buildRoom();
  const count = async (namespace: string): Promise<string> => {
    const { image } = await room.build(
      { Dockerfile: 'FROM base\nRUN --mount=type=cache,target=/c echo >>/c/f; wc -l </c/f >/lines\n' },
      { noCache: true, buildArgs: { BUILDKIT_CACHE_MOUNT_NS: namespace } },
    );
    return room.inside(image, (root) => readFileSync(join(root, 'lines'), 'utf8').trim());
  };
  assert.deepEqual([await count('one'), await count('one'), await count('other')], ['1', '2', '1']);
});
