import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildRoom, refusal, type BuildRoom } from '../support/build-room.ts';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

/** Nothing that a build held is there any more. */
async function assertNothingLeft({ room, runtime, trees, problems }: BuildRoom): Promise<void> {
  assert.deepEqual(await room.snapshots.listActive(), []);
  assert.deepEqual(await runtime.list(), []);
  assert.deepEqual(await trees.listFolders(), []);
  assert.deepEqual(problems, []);
}

test('a Dockerfile becomes an image with its configuration, files and history', async () => {
  await using room = await buildRoom();
  const { image, output } = await room.build(
    {
      Dockerfile: `ARG TAG=base
FROM $TAG
ARG WHO=default
ENV GREETING="hello $WHO"
WORKDIR /app
COPY --chown=app:extra --chmod=600 data/ ./in/
RUN echo "$GREETING $WHO" > out && pwd >> out
USER app
RUN id -u > /tmp/who
EXPOSE 80 53/udp
VOLUME /data
LABEL a=b
HEALTHCHECK --interval=3s CMD true
ENTRYPOINT ["/bin/sh"]
CMD ["-c", "true"]
`,
      'data/one': '1',
      'data/deep/two': '2',
    },
    { buildArgs: { WHO: 'world' }, tags: ['built:1', 'other'], labels: { given: "it's" } },
  );
  const config = image.config.config;
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  assert.deepEqual(config?.Env, ['FROM_BASE=yes', path, 'GREETING=hello world']);
  assert.deepEqual(config.Labels, { a: 'b', given: "it's" });
  assert.deepEqual([config.User, config.WorkingDir], ['app', '/app']);
  assert.deepEqual(config.ExposedPorts, { '80/tcp': {}, '53/udp': {} });
  assert.deepEqual(config.Healthcheck, { Test: ['CMD-SHELL', 'true'], Interval: 3e9 });
  assert.deepEqual([config.Entrypoint, config.Cmd], [['/bin/sh'], ['-c', 'true']]);
  assert.deepEqual(image.tags, ['docker.io/library/built:1', 'docker.io/library/other:latest']);
  assert.equal(image.layers.length, 5, 'base, WORKDIR, COPY and two RUN');
  const history = image.config.history?.map((entry) => entry.created_by) ?? [];
  assert.ok(
    history.includes('|1 WHO=world /bin/sh -c echo "$GREETING $WHO" > out && pwd >> out'),
    history.join('\n'),
  );
  assert.ok(history.includes('/bin/sh -c #(nop)  CMD ["-c" "true"]'));
  assert.ok(history.includes('/bin/sh -c #(nop) WORKDIR /app'));
  await room.inside(image, (root) => {
    assert.equal(readFileSync(join(root, 'app/out'), 'utf8'), 'hello world world\n/app\n');
    assert.equal(readFileSync(join(root, 'tmp/who'), 'utf8'), '1000\n');
    const file = statSync(join(root, 'app/in/deep/two'));
    assert.deepEqual([file.uid, file.gid, file.mode & 0o777], [1000, 2000, 0o600]);
    for (const made of ['etc/hosts', 'etc/resolv.conf', 'etc/hostname'])
      assert.equal(existsSync(join(root, made)), false, `${made} of the step got into the image`);
  });
  assert.match(
    output,
    /^Step 1\/16 : ARG TAG=base\nStep 2\/16 : FROM \$TAG\n ---> [0-9a-f]{12}\nStep 3\/16 : ARG WHO=default\n/,
  );
  assert.match(
    output,
    /\n ---> Running in [0-9a-f]{12}\n ---> Removed intermediate container [0-9a-f]{12}\n ---> /,
  );
  await assertNothingLeft(room);
});

test('the cache hits on the same content whatever its times, and misses on any change', async () => {
  await using room = await buildRoom();
  const dockerfile = 'FROM base\nRUN echo once > /once\nCOPY f /f\nRUN cat /f > /g\nCMD ["x"]\n';
  const context = await room.folder({ Dockerfile: dockerfile, f: 'same' });
  const build = (extra = {}): ReturnType<BuildRoom['build']> =>
    room.build({}, { context: { folder: context }, ...extra });
  const first = await build();
  assert.equal(first.output.includes('Using cache'), false);
  utimesSync(join(context, 'f'), 1, 1);
  const second = await build();
  assert.equal(second.image.id, first.image.id);
  assert.equal(second.output.match(/ ---> Using cache/g)?.length, 4);
  assert.equal(second.output.includes('Running in'), false);
  execFileSync('sh', ['-c', 'echo other > "$0"', join(context, 'f')]);
  const third = await build();
  assert.equal(third.output.match(/ ---> Using cache/g)?.length, 1, 'only the step before the COPY');
  await room.inside(third.image, (root) => assert.equal(readFileSync(join(root, 'g'), 'utf8'), 'other\n'));
  const fresh = await build({ noCache: true });
  assert.equal(fresh.output.includes('Using cache'), false);
  assert.notEqual(fresh.image.id, third.image.id);
});

test('stages are built as they are needed, and files are copied between them with their owners', async () => {
  await using room = await buildRoom();
  const files = {
    Dockerfile: `FROM base AS one
RUN mkdir /out && echo built > /out/f && busybox chown 7:8 /out/f
FROM base AS unused
RUN exit 1
FROM one AS two
RUN echo two > /out/two
FROM scratch
COPY --from=one /out /one
COPY --from=2 /out/two /two
COPY --from=base /etc/passwd /
`,
  };
  const { image, output } = await room.build(files);
  assert.equal(output.includes('exit 1'), false);
  await room.inside(image, (root) => {
    assert.equal(readFileSync(join(root, 'one/f'), 'utf8'), 'built\n');
    assert.equal(statSync(join(root, 'one/f')).uid, 7);
    assert.equal(readFileSync(join(root, 'two'), 'utf8'), 'two\n');
    assert.match(readFileSync(join(root, 'passwd'), 'utf8'), /app/);
  });
  const again = await room.build(files);
  assert.equal(again.image.id, image.id);
  const target = await room.build(files, { target: 'TWO' });
  await room.inside(target.image, (root) => assert.equal(existsSync(join(root, 'one')), false));
  const missing = await refusal(room.build(files, { target: 'tow' }));
  assert.match(missing.message, /target stage "tow" could not be found: did you mean 'two'\?/);
});

test('stages that do not need each other run at the same time, and their output keeps its order', async () => {
  await using room = await buildRoom();
  const port = await freePort();
  // The first waits for the second: run one after the other they would never end.
  const { output } = await room.build({
    Dockerfile: `FROM base AS a
RUN nc -l -p ${port} > /heard
FROM base AS b
RUN until echo hello | nc 127.0.0.1 ${port}; do sleep 0.05; done
FROM scratch
COPY --from=a /heard /a
COPY --from=b /etc/passwd /b
`,
  });
  const steps = [...output.matchAll(/Step (\d)\/7/g)].map((match) => match[1]);
  assert.deepEqual(steps, ['1', '2', '3', '4', '5', '6', '7']);
});

test('a failing RUN says its command, code, file and line, and leaves nothing', async () => {
  await using room = await buildRoom();
  const error = await refusal(room.build({ Dockerfile: 'FROM base\nRUN echo seen; exit 3\n' }));
  assert.equal(error.code, 'build-step-failed');
  assert.equal(
    error.message,
    "The command '/bin/sh -c echo seen; exit 3' returned a non-zero code: 3\n" +
      'Dockerfile:2:1\n  2 | RUN echo seen; exit 3\n    | ^^^^^^^^^^^^^^^^^^^^^',
  );
  await assertNothingLeft(room);
});

test('an aborted build kills its step at once and leaves nothing', async () => {
  await using room = await buildRoom();
  const abort = new AbortController();
  const building = room.build(
    { Dockerfile: 'FROM base\nRUN echo ready; sleep 600\n' },
    {
      signal: abort.signal,
      onProgress: ({ stream = '' }) => {
        if (stream.includes('ready')) abort.abort(new Error('enough'));
      },
    },
  );
  await assert.rejects(building, /enough/);
  await assertNothingLeft(room);
  const cancelled = room.build(
    { Dockerfile: 'FROM base\nRUN echo ready; sleep 601\n' },
    {
      id: 'named',
      onProgress: ({ stream = '' }) => {
        if (stream.includes('ready')) room.builds.cancel('named');
      },
    },
  );
  assert.equal((await refusal(cancelled)).code, 'build-cancelled');
  await assertNothingLeft(room);
});

test('a context that is a tar is unpacked into a private folder that goes with the build', async () => {
  await using room = await buildRoom();
  const folder = await room.folder({ 'sub/My.Dockerfile': 'FROM base\nCOPY f /f\n', f: 'x' });
  const tar = join(folder, '../context.tar.gz');
  execFileSync('tar', ['-czf', tar, '-C', folder, '.']);
  const { image } = await room.build(
    {},
    { context: { tar: createReadStream(tar) }, dockerfile: 'sub/My.Dockerfile' },
  );
  await room.inside(image, (root) => assert.equal(readFileSync(join(root, 'f'), 'utf8'), 'x'));
  const missing = await refusal(room.build({}, { context: { tar: createReadStream(tar) } }));
  assert.match(missing.message, /Cannot locate specified Dockerfile: Dockerfile/);
  const broken = await refusal(room.build({}, { context: { tar: createReadStream(tar, { end: 50 }) } }));
  assert.equal(broken.code, 'context-invalid');
  await assertNothingLeft(room);
});

test('ONBUILD of a base runs in what is built upon it, once', async () => {
  await using room = await buildRoom();
  await room.build(
    { Dockerfile: 'FROM base\nONBUILD COPY f /f\nONBUILD RUN cat /f > /g\n' },
    { tags: ['trigger'] },
  );
  const { image, output } = await room.build({ Dockerfile: 'FROM trigger\nCMD ["x"]\n', f: 'f' });
  assert.match(output, /# Executing 2 build triggers\n/);
  assert.deepEqual(image.config.config?.OnBuild ?? [], []);
  await room.inside(image, (root) => assert.equal(readFileSync(join(root, 'g'), 'utf8'), 'f'));
});

test('what a crash left of a build goes at the next start', async () => {
  await using room = await buildRoom();
  await room.trees.createFolder('left-over');
  await room.room.snapshots.create('build-left-over', '');
  await room.room.snapshots.mount('build-left-over');
  await room.room.snapshots.create('someone-elses', '');
  const blob = await room.room.blobs.write([Buffer.from('orphan')]);
  const kept = await room.room.blobs.write([Buffer.from('in a registry of its own')]);
  room.room.images.contents.keptBy((digest) => digest === kept.digest);
  const chains = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`] as const;
  for (const [index, chainId] of chains.entries()) {
    await room.room.snapshots.create('made', chains[index - 1] ?? '');
    await room.room.snapshots.commit('made', chainId, 0);
  }
  const journal = room.room.state.collection('build-layers');
  for (const digest of [blob.digest, kept.digest, ...chains]) journal.put(digest, {});
  await room.again().start();
  assert.deepEqual(await room.room.snapshots.listActive(), ['someone-elses']);
  assert.deepEqual(await room.trees.listFolders(), []);
  assert.equal(await room.room.blobs.stat(blob.digest), undefined);
  for (const chainId of chains) assert.equal(await room.room.snapshots.isCommitted(chainId), false);
  assert.ok(await room.room.blobs.stat(kept.digest));
  assert.deepEqual(journal.entries(), []);
});

test('pruning forgets the cache and removes the untagged images that only it held', async () => {
  await using room = await buildRoom();
  const files = { Dockerfile: 'FROM base AS a\nRUN echo 1 > /x\nFROM base\nCOPY --from=a /x /y\n' };
  const { image } = await room.build(files, { tags: ['kept'] });
  const before = room.room.images.list().length;
  const { removed, reclaimed } = await room.builds.prune();
  assert.ok(removed.length > 0 && reclaimed > 0);
  assert.ok(room.room.images.list().length < before);
  assert.ok(room.room.images.find(image.id));
  const { output } = await room.build(files);
  assert.match(output, /Running in/);
});
