import assert from 'node:assert/strict';
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildRoom } from '../support/build-room.ts';

test('COPY --parents keeps the folders of the sources, from /./ on where one has that', async () => {
  await using room = await buildRoom();
  const { image } = await room.build({
    Dockerfile: `FROM base AS made
RUN mkdir -p -m 700 /deep/in && echo m > /deep/in/f && echo n > /deep/other
FROM base
COPY --parents a/one b/two/ /plain/
COPY --parents a/./sub/*.txt /pivot/
COPY --parents --from=made /deep/in/f /from/
COPY --parents --exclude=**/skipped b /without
`,
    'a/one': '1',
    'a/sub/x.txt': 'x',
    'a/sub/y.md': 'y',
    'b/two/three': '3',
    'b/skipped': 's',
  });
  await room.inside(image, (root) => {
    const there = (path: string): boolean => existsSync(join(root, path));
    assert.deepEqual(
      ['plain/a/one', 'plain/b/two/three', 'pivot/sub/x.txt', 'from/deep/in/f', 'without/b/two/three'].map(
        there,
      ),
      [true, true, true, true, true],
    );
    assert.deepEqual(
      ['plain/b/skipped', 'pivot/sub/y.md', 'pivot/a', 'from/deep/other', 'without/b/skipped'].map(there),
      [false, false, false, false, false],
    );
    assert.equal(statSync(join(root, 'from/deep/in')).mode & 0o777, 0o700);
  });
});

test('folders that COPY and ADD make on their way have the number of --chmod, and 755 without one', async () => {
  await using room = await buildRoom();
  const { image } = await room.build({
    Dockerfile: `FROM base
COPY --chmod=4750 --chown=3:4 in /new/in/
COPY --chmod=700 in/f /file/on/its/way
ADD --chmod=710 in/f /etc/added/
COPY --chmod=711 <<text /text/in/here
text
COPY --chmod=go-rx in /symbolic/in/
COPY in /plain/in/
`,
    'in/f': '1',
  });
  await room.inside(image, (root) => {
    const seen = (path: string): string => {
      const { mode, uid, gid } = statSync(join(root, path));
      return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
    };
    const paths = ['new', 'new/in', 'new/in/f', 'file/on/its', 'file/on/its/way', 'etc', 'etc/added'];
    assert.deepEqual(paths.map(seen), [
      ...['750 3:4', '750 3:4', '4750 3:4', '700 0:0', '700 0:0', '755 0:0', '710 0:0'],
    ]);
    assert.deepEqual(['text/in', 'symbolic/in', 'plain/in'].map(seen), ['711 0:0', '755 0:0', '755 0:0']);
  });
});

test('COPY --chmod takes symbolic modes', async () => {
  await using room = await buildRoom();
  const { image } = await room.build({
    Dockerfile: 'FROM base\nCOPY --chmod=u=rwX,go= in /in\n',
    'in/f': '1',
  });
  await room.inside(image, (root) => {
    const mode = (path: string): number => statSync(join(root, path)).mode & 0o777;
    assert.deepEqual([mode('in/f'), mode('in')], [0o600, 0o755]);
  });
});

test('the layer of COPY --link is the same on another base, and its sources are not needed again', async () => {
  await using room = await buildRoom();
  const build = (below: string): ReturnType<typeof room.build> =>
    room.build({
      Dockerfile: `FROM base\nRUN ${below}\nCOPY --link --chown=app:extra f /linked/\n`,
      f: 'content',
    });
  const [one, other] = [await build('touch /one'), await build('touch /other')];
  assert.equal(one.image.layers.length, 3);
  assert.equal(one.image.layers.at(-1)?.digest, other.image.layers.at(-1)?.digest);
  assert.notEqual(one.image.layers.at(-2)?.digest, other.image.layers.at(-2)?.digest);
  await room.inside(other.image, (root) => {
    const file = statSync(join(root, 'linked/f'));
    assert.deepEqual(
      [file.uid, file.gid, readFileSync(join(root, 'linked/f'), 'utf8')],
      [1000, 2000, 'content'],
    );
    assert.ok(existsSync(join(root, 'other')));
    assert.ok(existsSync(join(root, 'bin/sh')));
  });
  assert.match((await build('touch /other')).output, /Using cache\n[^]*Using cache\n/);
  const scratch = await room.build({ Dockerfile: 'FROM scratch\nCOPY --link f /linked/\n', f: 'content' });
  await room.inside(scratch.image, (root) => {
    assert.equal(readFileSync(join(root, 'linked/f'), 'utf8'), 'content');
  });
  assert.deepEqual(await room.room.snapshots.listActive(), []);
});

test('ADD --unpack unpacks what comes from a URL, and with false leaves an archive of the context as it is', async () => {
  await using room = await buildRoom();
  const folder = await room.folder({ 'in/f': '1' });
  execFileSync('tar', ['-C', folder, '-cf', join(folder, 'a.tar'), 'in']);
  const server = createServer((_request, response) => createReadStream(join(folder, 'a.tar')).pipe(response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const url = `http://127.0.0.1:${address.port}/a.tar`;
    const image = await room.builds.build({
      context: { folder },
      dockerfileText: `FROM base\nADD --unpack=true ${url} /unpacked/\nADD ${url} /kept/\nADD --unpack=false a.tar /whole/\nADD a.tar /usual/\n`,
      ...{ tags: [], buildArgs: {}, labels: {}, networkMode: 'host' },
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
    await room.inside(image, (root) => {
      for (const path of ['unpacked/in/f', 'kept/a.tar', 'whole/a.tar', 'usual/in/f'])
        assert.ok(existsSync(join(root, path)), path);
    });
  } finally {
    server.close();
  }
});

test('times of files do not matter to the cache, their content does', async () => {
  await using room = await buildRoom();
  const files = { Dockerfile: 'FROM base\nCOPY f /f\nRUN true\n', f: 'same' };
  const first = await room.build(files);
  // Another folder, written later.
  const second = await room.build(files);
  assert.equal(second.image.id, first.image.id);
  assert.notEqual((await room.build({ ...files, f: 'else' })).image.id, first.image.id);
});
