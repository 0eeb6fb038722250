import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildRoom, refusal } from '../support/build-room.ts';
import { freePort } from '../support/free-port.ts';

interface Repository extends AsyncDisposable {
  url: string;
  /** Absolute. */
  folder: string;
  commit: string;
}

/** A repository that git's own server gives on loopback. */
async function serveRepository(): Promise<Repository> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-git-'));
  const work = join(folder, 'app.git');
  mkdirSync(join(work, 'sub'), { recursive: true });
  writeFileSync(join(work, 'sub/Dockerfile'), 'FROM scratch\nCOPY f /f\n');
  writeFileSync(join(work, 'sub/f'), 'first');
  symlinkSync('/etc', join(work, 'out'));
  const git = (...args: string[]): string =>
    execFileSync(
      'git',
      ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'init.defaultBranch=main', ...args],
      {
        cwd: work,
        encoding: 'utf8',
      },
    );
  git('init', '-q');
  git('add', '.');
  git('commit', '-q', '-m', 'first');
  git('tag', 'v1');
  writeFileSync(join(work, 'sub/f'), 'second');
  git('commit', '-q', '-am', 'second');
  const port = await freePort();
  const words = ['daemon', '--reuseaddr', '--export-all', '--listen=127.0.0.1', `--port=${port}`];
  const server = spawn('git', [...words, `--base-path=${folder}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const ended = once(server, 'close');
  await untilListening(port);
  return {
    url: `git://127.0.0.1:${port}/app.git`,
    folder: work,
    commit: git('rev-parse', 'HEAD').trim(),
    [Symbol.asyncDispose]: async () => {
      // git starts its server as a child of its own.
      if (server.pid !== undefined) process.kill(-server.pid);
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

async function untilListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const isThere = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isThere) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a context is a folder of a Git repository at a branch, tag or commit', async () => {
  await using repository = await serveRepository();
  await using room = await buildRoom();
  const cases = [
    ['#:sub', 'second'],
    ['#v1:sub', 'first'],
    ['#main:sub', 'second'],
    [`#${repository.commit}:sub`, 'second'],
  ] as const;
  for (const [suffix, expected] of cases) {
    const { image } = await room.build({}, { context: { remote: `${repository.url}${suffix}` } });
    await room.inside(image, (root) => assert.equal(readFileSync(join(root, 'f'), 'utf8'), expected));
  }
  const out = await refusal(room.build({}, { context: { remote: `${repository.url}#:out` } }));
  assert.equal(out.code, 'context-invalid');
  const none = await refusal(room.build({}, { context: { remote: `${repository.url}#nowhere` } }));
  assert.equal(none.code, 'git-failed');
  assert.deepEqual(await room.trees.listFolders(), []);
});

test('a plain web server may have the repository; its own folder is there in named contexts, else if asked for', async () => {
  await using repository = await serveRepository();
  await using room = await buildRoom();
  execFileSync('git', ['update-server-info'], { cwd: repository.folder });
  const server = createServer(({ url = '' }, response) => {
    const path = join(repository.folder, new URL(url, 'http://host').pathname);
    if (existsSync(path)) response.end(readFileSync(path));
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const remote = `http://127.0.0.1:${address.port}/.git`;
    for (const keep of ['0', '1']) {
      const { image } = await room.build(
        {},
        {
          context: { remote },
          contexts: { named: { remote } },
          dockerfileText: 'FROM scratch\nCOPY . /main\nCOPY --from=named . /named\n',
          buildArgs: { BUILDKIT_CONTEXT_KEEP_GIT_DIR: keep },
        },
      );
      await room.inside(image, (root) => {
        assert.equal(readFileSync(join(root, 'named/sub/f'), 'utf8'), 'second');
        const kept = ['main', 'named'].map((name) => existsSync(join(root, name, '.git/HEAD')));
        assert.deepEqual(kept, [keep === '1', true]);
      });
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('ADD takes the files of a repository, its .git where that is asked for, and checks the commit', async () => {
  await using repository = await serveRepository();
  await using room = await buildRoom();
  const { url, commit } = repository;
  const Dockerfile = `FROM scratch\nADD ${url}#v1:sub /a\nADD --keep-git-dir=true --checksum=${commit} ${url} /b\n`;
  const { image } = await room.build({ Dockerfile, '.dockerignore': '*' });
  await room.inside(image, (root) => {
    assert.equal(readFileSync(join(root, 'a/f'), 'utf8'), 'first');
    assert.equal(readFileSync(join(root, 'b/sub/f'), 'utf8'), 'second');
    assert.ok(existsSync(join(root, 'b/.git')) && !existsSync(join(root, 'a/.git')));
  });
  const wrong = `FROM scratch\nADD --checksum=${'0'.repeat(40)} ${url} /b\n`;
  assert.match((await refusal(room.build({ Dockerfile: wrong }))).message, /expected checksum to match 0000/);
});

test('a context is an archive at a URL, or a Dockerfile alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-remote-'));
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY f /f\n');
  writeFileSync(join(folder, 'f'), 'content');
  const archive = execFileSync('tar', ['-cz', '-C', folder, '.']);
  rmSync(folder, { recursive: true });
  const server = createServer(({ url }, response) => {
    response.end(url === '/context.tar.gz' ? archive : 'FROM scratch\nLABEL alone=yes\n');
  }).listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const at = `http://127.0.0.1:${address.port}`;
    await using room = await buildRoom();
    const { image } = await room.build({}, { context: { remote: `${at}/context.tar.gz` } });
    await room.inside(image, (root) => assert.equal(readFileSync(join(root, 'f'), 'utf8'), 'content'));
    const alone = await room.build({}, { context: { remote: `${at}/file` } });
    assert.equal(alone.image.config.config?.Labels?.['alone'], 'yes');
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
