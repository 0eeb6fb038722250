import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, lstatSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildRoom, refusal } from '../support/build-room.ts';

test('.dockerignore leaves files out of COPY but not the Dockerfile out of the build', async () => {
  await using room = await buildRoom();
  const files = {
    Dockerfile: 'FROM base\nCOPY . /all/\n',
    '.dockerignore': '# comment\nDockerfile\n.dockerignore\n**/*.log\n!keep.log\nsub/\n!sub/back\n',
    'a.txt': '',
    'x.log': '',
    'keep.log': '',
    'sub/gone': '',
    'sub/back': '',
  };
  const { image } = await room.build(files);
  await room.inside(image, (root) => {
    const found = execFileSync('find', ['.', '-type', 'f'], { cwd: join(root, 'all'), encoding: 'utf8' });
    assert.deepEqual(found.trim().split('\n').sort(), ['./a.txt', './keep.log', './sub/back']);
  });
  const missing = await refusal(room.build({ ...files, Dockerfile: 'FROM base\nCOPY x.log /\n' }));
  assert.match(
    missing.message,
    /^COPY failed: file not found in build context or excluded by \.dockerignore: stat x\.log/,
  );
  assert.match(missing.message, /Dockerfile:2:1\n {2}2 \| COPY x\.log \/\n/);
});

test("COPY takes wild cards, names its target by Docker's rules, and writes here-documents", async () => {
  await using room = await buildRoom();
  const { image } = await room.build({
    Dockerfile: `FROM base
WORKDIR /w
COPY a*.txt b[12] many/
COPY a1.txt exact
COPY a1.txt /tmp
COPY dir /w/dir
COPY <<one <<"two" /docs/
$FROM_BASE \\$x
one
$FROM_BASE
two
RUN <<EOF
echo script > /script
echo "$FROM_BASE" >> /script
EOF
RUN cat <<X > /cat
text
X
RUN <<'END'
#!/bin/awk -f
BEGIN { print "by awk, $not expanded" > "/awk" }
END
`,
    'a1.txt': 'a1',
    'a2.txt': 'a2',
    b1: 'b1',
    b3: 'b3',
    'dir/inside': 'x',
  });
  await room.inside(image, (root) => {
    const read = (path: string): string => readFileSync(join(root, path), 'utf8');
    assert.deepEqual([read('w/many/a2.txt'), read('w/many/b1'), read('w/exact')], ['a2', 'b1', 'a1']);
    assert.deepEqual([read('tmp/a1.txt'), read('w/dir/inside')], ['a1', 'x']);
    assert.equal(existsSync(join(root, 'w/many/b3')), false);
    assert.deepEqual([read('docs/one'), read('docs/two')], ['yes $x\n', '$FROM_BASE\n']);
    assert.deepEqual([read('script'), read('cat')], ['script\nyes\n', 'text\n']);
    assert.equal(read('awk'), 'by awk, $not expanded\n');
    assert.equal(statSync(join(root, 'w/exact')).uid, 0);
  });
  const several = await refusal(room.build({ Dockerfile: 'FROM base\nCOPY a b /x\n', a: '', b: '' }));
  assert.match(several.message, /destination must be a directory and end with a \//);
  const ontoFile = await refusal(room.build({ Dockerfile: 'FROM base\nCOPY a /etc/passwd/x\n', a: '' }));
  assert.match(ontoFile.message, /^COPY failed: cannot copy to non-directory: \/etc\/passwd\n/);
  const outside = await refusal(room.build({ Dockerfile: 'FROM base\nCOPY ../x /x\n' }));
  assert.match(outside.message, /forbidden path outside the build context: \.\.\/x/);
});

test('ADD unpacks local archives, COPY does not', async () => {
  await using room = await buildRoom();
  const context = await room.folder({
    Dockerfile: 'FROM base\nADD a.tgz /x/\nCOPY a.tgz /y/\nADD plain /z/\n',
    'in/t': 't',
    plain: 'no archive',
  });
  execFileSync('tar', ['-czf', join(context, 'a.tgz'), '-C', join(context, 'in'), '.']);
  const { image } = await room.build({}, { context: { folder: context } });
  await room.inside(image, (root) => {
    assert.equal(readFileSync(join(root, 'x/t'), 'utf8'), 't');
    assert.equal(existsSync(join(root, 'y/a.tgz')), true);
    assert.equal(readFileSync(join(root, 'z/plain'), 'utf8'), 'no archive');
  });
});

test('links neither of the context nor of the image lead out', async () => {
  await using room = await buildRoom();
  const context = await room.folder({
    Dockerfile: 'FROM base\nRUN busybox ln -s / /up\nCOPY tree/ /tree/\nCOPY f /up/../../up/escaped\n',
    f: 'f',
    'tree/plain': '',
  });
  symlinkSync('/etc/shadow', join(context, 'tree/link'));
  const { image } = await room.build({}, { context: { folder: context } });
  await room.inside(image, (root) => {
    assert.equal(lstatSync(join(root, 'tree/link')).isSymbolicLink(), true);
    assert.equal(readFileSync(join(root, 'escaped'), 'utf8'), 'f');
  });
  symlinkSync('/etc/passwd', join(context, 'out'));
  const error = await refusal(
    room.build({}, { context: { folder: context }, dockerfileText: 'FROM base\nCOPY out /f\n' }),
  );
  assert.match(error.message, /file not found in build context/);
});

test('ADD fetches a URL, as it is, private to root, and verifies its checksum', async () => {
  await using room = await buildRoom();
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/missing' ? 404 : 200;
    response.setHeader('Last-Modified', 'Thu, 01 Jan 2026 00:00:00 GMT');
    response.end('fetched');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const url = `http://127.0.0.1:${address.port}`;
    const add = (line: string): ReturnType<typeof room.build> =>
      room.build({ Dockerfile: `FROM base\nADD ${line}\n` });
    const { image } = await add(`${url}/folder/file.tgz?x=1 /in/`);
    await room.inside(image, (root) => {
      assert.equal(readFileSync(join(root, 'in/file.tgz'), 'utf8'), 'fetched');
      const { mode, uid, mtimeMs } = statSync(join(root, 'in/file.tgz'));
      assert.deepEqual([mode & 0o777, uid, mtimeMs], [0o600, 0, Date.UTC(2026, 0, 1)]);
    });
    const digest = createHash('sha256').update('fetched').digest('hex');
    await add(`--checksum=sha256:${digest} ${url}/f /f`);
    const lying = await refusal(add(`--checksum=sha256:${'0'.repeat(64)} ${url}/f /f`));
    assert.match(lying.message, /found the digest sha256:[0-9a-f]{64}; required is sha256:0000/);
    const missing = await refusal(add(`${url}/missing /f`));
    assert.match(missing.message, /failed to GET http:.* with status 404 Not Found\nDockerfile:2:1/);
  } finally {
    server.close();
  }
});
