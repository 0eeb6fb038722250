import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { buildRoom, refusal, type BuildRoom } from '../support/build-room.ts';

/** Nothing is left that a step held, but the folders of caches. */
async function assertNothingHeld({ room, runtime, trees, problems }: BuildRoom): Promise<void> {
  assert.deepEqual(await room.snapshots.listActive(), []);
  assert.deepEqual(await runtime.list(), []);
  assert.deepEqual(
    (await trees.listFolders()).filter((name) => !name.startsWith('cache-')),
    [],
  );
  assert.deepEqual(problems, []);
}

test('a bind shows the context, a stage or an image; what is written into it is lost', async () => {
  await using room = await buildRoom();
  const { image } = await room.build({
    Dockerfile: `FROM base AS files
RUN mkdir /d && echo stage > /d/f
FROM base
WORKDIR /w
RUN --mount=target=/ctx cat /ctx/one > one && ls /ctx > list && ! touch /ctx/x
RUN --mount=type=bind,source=deep/two,target=two cat two > copied
RUN --mount=from=files,source=/d,target=/d,rw cat /d/f > stage && echo more >> /d/f && touch /d/new
RUN --mount=from=files,source=/d,target=/d cat /d/f > again && ! touch /d/new2
RUN --mount=from=base,target=/image cat /image/etc/passwd > passwd
RUN --mount=target=/ctx,rw echo changed > /ctx/one && cat /ctx/one > changed
RUN --mount=target=/ctx cat /ctx/one > unchanged
`,
    '.dockerignore': 'hidden\nDockerfile\n.dockerignore\n',
    hidden: 'h',
    one: '1',
    'deep/two': '2',
  });
  await room.inside(image, (root) => {
    const read = (name: string): string => readFileSync(join(root, 'w', name), 'utf8');
    assert.deepEqual([read('one'), read('list'), read('copied')], ['1', 'deep\none\n', '2']);
    assert.deepEqual([read('stage'), read('again')], ['stage\n', 'stage\n']);
    assert.match(read('passwd'), /^root:/);
    assert.deepEqual([read('changed'), read('unchanged')], ['changed\n', '1']);
    for (const made of ['ctx', 'd', 'image', 'w/two'])
      assert.equal(existsSync(join(root, made)), false, `the mount point ${made} got into the image`);
  });
  await assertNothingHeld(room);
});

test('a step with a bind runs again when the content of the bind changed, and only then', async () => {
  await using room = await buildRoom();
  const build = async (content: string, other: string): Promise<string> => {
    const Dockerfile = 'FROM base\nRUN --mount=source=in,target=/in cat /in/f\n';
    return (await room.build({ Dockerfile, 'in/f': content, other })).output;
  };
  assert.doesNotMatch(await build('1', 'a'), /Using cache/);
  assert.match(await build('1', 'b'), /Using cache/);
  assert.doesNotMatch(await build('2', 'b'), /Using cache/);
});

test('a cache outlives the build and the daemon, is shown with its size, and goes by prune', async () => {
  await using room = await buildRoom();
  const add = (line: string): Promise<{ output: string }> =>
    room.build({
      Dockerfile: `FROM base\nRUN --mount=type=cache,target=/c,uid=1000,mode=0750 echo ${line} >> /c/log && cat /c/log && ls -ld /c && head -c 100000 /dev/zero > /c/big\n`,
    });
  assert.match((await add('first')).output, /\nfirst\ndrwxr-x--- +\d+ app /);
  assert.match((await add('second')).output, /\nfirst\nsecond\n/);
  const again = room.again();
  await again.start();
  const caches = again.cacheEntries().filter(({ kind }) => kind === 'exec.cachemount');
  assert.deepEqual(
    caches.map(({ description, inUse }) => [description, inUse]),
    [['cached mount /c', false]],
  );
  assert.ok((caches[0]?.size ?? 0) >= 100_000, `found ${caches[0]?.size ?? 0} bytes`);
  const { removed, reclaimed } = await again.prune(({ kind }) => kind === 'exec.cachemount');
  assert.equal(removed.length, 1);
  assert.ok(reclaimed >= 100_000);
  assert.deepEqual(await room.trees.listFolders(), []);
  await assertNothingHeld(room);
});

test('a cache begins with the files of a stage; another id, owner or source is another cache', async () => {
  await using room = await buildRoom();
  const { output } = await room.build({
    Dockerfile: `FROM base AS seed
RUN mkdir /s && echo seeded > /s/f
FROM base
RUN --mount=type=cache,id=a,from=seed,source=/s,target=/c cat /c/f && echo changed > /c/f
RUN --mount=type=cache,id=a,from=seed,source=/s,target=/elsewhere cat /elsewhere/f
RUN --mount=type=cache,id=b,target=/c ls -A /c | wc -l
RUN --mount=type=cache,id=a,target=/c ls -A /c | wc -l
`,
  });
  assert.deepEqual(
    output.split('\n').filter((line) => /^(?:seeded|changed|\d+)$/.test(line)),
    ['seeded', 'changed', '0', '0'],
  );
});

test('steps at the same time share a cache, have one each, or wait for each other', async () => {
  await using room = await buildRoom();
  const two = (sharing: string): Promise<unknown>[] =>
    ['x', 'y'].map((name) =>
      room.build({
        // Each waits until the other is there, where they can be there together.
        Dockerfile: `FROM base
RUN --mount=type=cache,id=${sharing},target=/c,sharing=${sharing} ${
          sharing === 'shared'
            ? `touch /c/${name}; until [ -e /c/x ] && [ -e /c/y ]; do sleep 0.05; done`
            : `test ! -e /c/busy && touch /c/busy && sleep 0.3; rm /c/busy; touch /c/${name}; ls /c > /seen`
        }
`,
      }),
    );
  await Promise.all(two('shared'));
  await Promise.all(two('locked'));
  await Promise.all(two('private'));
  const count = (id: string): number =>
    room.builds.cacheEntries().filter(({ description }) => description === `cached mount ${id}`).length;
  assert.deepEqual([count('shared'), count('locked'), count('private')], [1, 1, 2]);
  await assertNothingHeld(room);
});

test('whoever waits for a locked cache can be cancelled', async () => {
  await using room = await buildRoom();
  const Dockerfile =
    'FROM base\nRUN --mount=type=cache,id=l,target=/c,sharing=locked echo holding; until [ -e /c/go ]; do sleep 0.05; done\n';
  const first = new AbortController();
  const holding = Promise.withResolvers<void>();
  const holder = room.build(
    { Dockerfile },
    {
      signal: first.signal,
      onProgress: ({ stream }) => {
        if (stream === 'holding\n') holding.resolve();
      },
    },
  );
  holder.catch(() => undefined);
  await Promise.race([holding.promise, holder]);
  const second = new AbortController();
  const waiter = room.build({ Dockerfile: `${Dockerfile}\n` }, { signal: second.signal, buildArgs: {} });
  second.abort(new Error('enough'));
  await assert.rejects(waiter, /enough/);
  first.abort(new Error('stop'));
  await assert.rejects(holder, /stop/);
  await assertNothingHeld(room);
});

test('a tmpfs has its size, and nothing of it stays', async () => {
  await using room = await buildRoom();
  const { image, output } = await room.build({
    Dockerfile:
      'FROM base\nRUN --mount=type=tmpfs,target=/t,size=1m grep " /t " /proc/mounts && echo x > /t/f\n',
  });
  assert.match(output, /tmpfs \/t tmpfs rw[^\n]*size=1024k/);
  await room.inside(image, (root) => {
    assert.equal(existsSync(join(root, 't')), false);
  });
});

test('a secret is a file or a variable of one step, and in nothing that is kept', async () => {
  await using room = await buildRoom();
  const word = 'hush-4711';
  const asked: string[] = [];
  const secrets = (id: string): Promise<Buffer | undefined> => {
    asked.push(id);
    return Promise.resolve(id === 'token' ? Buffer.from(word) : undefined);
  };
  const { image } = await room.build(
    {
      Dockerfile: `FROM base
RUN --mount=type=secret,id=token ls -l /run/secrets/token > /seen && wc -c < /run/secrets/token >> /seen
RUN --mount=type=secret,id=token,target=/app/key,mode=0440,uid=1000,gid=2000 ls -ln /app/key >> /seen
RUN --mount=type=secret,id=token,env=TOKEN echo -n "$TOKEN" | wc -c >> /seen
RUN --mount=type=secret,id=none test ! -e /run/secrets/none
`,
    },
    { secrets },
  );
  assert.deepEqual(asked, ['token', 'token', 'token', 'none']);
  await room.inside(image, (root) => {
    const seen = readFileSync(join(root, 'seen'), 'utf8').split('\n');
    assert.match(seen[0] ?? '', /^-r-------- +1 root +root +9 /);
    assert.equal(seen[1], '9');
    assert.match(seen[2] ?? '', /^-r--r----- +1 1000 +2000 +9 /);
    assert.equal(seen[3], '9');
    assert.equal(existsSync(join(root, 'app')), false);
    assert.equal(existsSync(join(root, 'run/secrets')), false);
  });
  const records = JSON.stringify([image, room.room.state.collection('build-cache').entries()]);
  assert.equal(records.includes(word), false);
  const blobs = join(room.room.root, 'blobs/sha256');
  for (const name of readdirSync(blobs))
    assert.equal(readFileSync(join(blobs, name)).includes(word), false, `blob ${name} has the secret`);
  const missing = await refusal(
    room.build({ Dockerfile: 'FROM base\nRUN --mount=type=secret,id=no,required true\n' }, { secrets }),
  );
  assert.match(missing.message, /^secret no: not found\n/);
});

test("the client's SSH agent is a socket of the step", async () => {
  await using room = await buildRoom();
  const ssh = {
    has: (id: string) => Promise.resolve(id === 'default'),
    connect: () => new PassThrough(),
  };
  const { output } = await room.build(
    {
      Dockerfile:
        'FROM base\nRUN --mount=type=ssh,uid=1000 test -S $SSH_AUTH_SOCK && ls -l $SSH_AUTH_SOCK\nRUN --mount=type=ssh,id=other test -z "$SSH_AUTH_SOCK"\n',
    },
    { ssh },
  );
  assert.match(output, /srw------- +1 app +root .* \/run\/buildkit\/ssh_agent\.0\n/);
  const missing = await refusal(
    room.build({ Dockerfile: 'FROM base\nRUN --mount=type=ssh,required true\n' }),
  );
  assert.match(missing.message, /no SSH key "default" forwarded from the client/);
  await assertNothingHeld(room);
});

test('a step gets all capabilities only where the client allows it', async () => {
  await using room = await buildRoom();
  const files = { Dockerfile: 'FROM base\nRUN --security=insecure grep CapEff /proc/self/status\n' };
  const refused = await refusal(room.build(files));
  assert.equal(refused.code, 'entitlement-missing');
  assert.match(refused.message, /security\.insecure is not allowed/);
  const { output } = await room.build(files, { allow: ['security.insecure', 'network.host'] });
  assert.doesNotMatch(output, /CapEff:\s+00000000a80425fb/);
  const host = { Dockerfile: 'FROM base\nRUN --network=host true\n' };
  await room.build(host);
  assert.match(
    (await refusal(room.build(host, { allow: [], noCache: true }))).message,
    /network\.host is not allowed/,
  );
});
