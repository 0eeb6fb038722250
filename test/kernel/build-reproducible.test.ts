import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tarMembers } from '#domain/archive/tar-members.ts';
import type { BuildRequest } from '#engine/contracts.ts';
import { buildRoom, refusal, type BuildRoom } from '../support/build-room.ts';

const epoch = 1_700_000_000;

async function request(room: BuildRoom, Dockerfile: string): Promise<BuildRequest> {
  return {
    context: { folder: await room.folder({ Dockerfile, 'a.txt': 'a' }) },
    ...{ tags: [], buildArgs: {}, labels: {}, networkMode: 'host' },
    onProgress: () => undefined,
    signal: new AbortController().signal,
  };
}

test('with SOURCE_DATE_EPOCH two rooms make one image, in which nothing is later', async () => {
  const Dockerfile =
    'FROM scratch AS a\nCOPY a.txt /d/\nFROM base\nCOPY --from=a /d /d\nRUN mkdir /e && echo x >/e/f\n';
  const made: string[] = [];
  for (const round of [1, 2]) {
    await using room = await buildRoom();
    const { image } = await room.build({ Dockerfile, 'a.txt': 'a' }, { sourceDateEpoch: epoch });
    const own = image.layers.slice(-2);
    assert.equal(own.length, 2);
    for (const { digest } of own)
      for await (const { entry } of tarMembers(await room.room.blobs.open(digest)))
        assert.equal(entry.mtime, epoch, `${round} ${entry.name}`);
    assert.equal(image.config.created, '2023-11-14T22:13:20Z');
    const created = image.config.history?.slice(-2).map((entry) => entry.created);
    assert.deepEqual(created, ['2023-11-14T22:13:20Z', '2023-11-14T22:13:20Z']);
    made.push(JSON.stringify([own, image.config.rootfs.diff_ids.slice(-2), image.config.created]));
  }
  assert.equal(made[0], made[1]);
});

test('verifying confirms one digest, and tags the image', async () => {
  await using room = await buildRoom();
  const asked = await request(room, 'FROM base\nRUN date >/dev/null; hostname >/f\nCOPY a.txt /\n');
  const { image, difference } = await room.builds.verify({ ...asked, tags: ['verified'] });
  assert.equal(difference, undefined);
  assert.equal(room.room.images.get('verified').id, image.id);
});

test('verifying names the first file that differs, and why', async () => {
  await using room = await buildRoom();
  const cases: [string, string, RegExp][] = [
    ['cat /proc/sys/kernel/random/uuid >/b; echo >/a', 'b', /^content differs$/],
    [
      'mkdir /e; touch /e/f; chmod 6$(($(cat /c/n) % 8))0 /e/f; echo >>/c/x; wc -l </c/x >/c/n',
      'e/f',
      /^mode \d+, then \d+$/,
    ],
    ['touch /f; chown $(wc -l </c/y) /f; echo >>/c/y', 'f', /^owner \d+:0, then \d+:0$/],
    ['touch -d @$((1000 + $(wc -l </c/z))) /g; echo >>/c/z', 'g', /^mtime 1970-01-01T00:16:4/],
    ['touch /h$(wc -l </c/z2); echo >>/c/z2', 'h0', /only the first build has it/],
  ];
  for (const [script, path, reason] of cases) {
    const prepare = 'for f in x y z z2; do touch /c/$f; done; [ -e /c/n ] || echo 0 >/c/n;';
    const asked = await request(
      room,
      `FROM base\nRUN echo first >/first\nRUN --mount=type=cache,id=c,target=/c ${prepare} ${script}\n`,
    );
    const { difference } = await room.builds.verify({ ...asked, tags: ['never'] });
    assert.equal(difference?.path, path, JSON.stringify(difference));
    assert.match(difference.reasons.join(', '), reason);
    assert.ok(difference.step.includes(script));
  }
  assert.equal(room.room.images.find('never'), undefined);
});

test('a RUN of another architecture without an emulator says what it needs', async () => {
  await using room = await buildRoom();
  const folder = await room.folder({ Dockerfile: 'FROM scratch\nCOPY sh /bin/sh\nRUN true\n' });
  // The head of an ELF file for 64-bit ARM.
  const elf = Buffer.alloc(200);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(elf);
  elf.set([2, 0, 0xb7, 0, 1], 16);
  await writeFile(join(folder, 'sh'), elf, { mode: 0o755 });
  const [machine, foreign] = process.arch === 'arm64' ? ['arm64', 'amd64'] : ['amd64', 'arm64'];
  const error = await refusal(room.build({}, { context: { folder }, platform: `linux/${foreign}` }));
  assert.match(
    error.message,
    new RegExp(`image is for linux/${foreign} and this machine is linux/${machine}: RUN needs an emulator`),
  );
});
