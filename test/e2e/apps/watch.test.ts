import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test, type TestContext } from 'node:test';
import type { WatchStreamEvent } from '#api/types/watch.ts';
import { startDaemon } from '../../support/daemon.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

const program = new URL('../../../src/main/berth.ts', import.meta.url).pathname;
const parse: (text: string) => WatchStreamEvent = JSON.parse;

async function write(folder: string, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

async function project(name: string, files: Record<string, string>): Promise<string> {
  const folder = join(daemon.folder, name);
  await write(folder, files);
  return folder;
}

/** A `berth` that watches, and what it tells. */
class Watch {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #seen: WatchStreamEvent[] = [];

  constructor(...words: string[]) {
    const child = spawn(process.execPath, [program, ...words, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...daemon.environment },
      cwd: daemon.folder,
    });
    this.#child = child;
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  /** The next event that is as wanted; `of` is a part of it. */
  async next(type: WatchStreamEvent['type'], of: Record<string, unknown> = {}): Promise<WatchStreamEvent> {
    for (;;) {
      const line = await this.#lines.next();
      const last = this.#seen.slice(-20).map((event) => JSON.stringify(event));
      assert.ok(
        line.done !== true,
        `no ${type} ${JSON.stringify(of)} after:\n${last.join('\n')}\n${daemon.log}`,
      );
      const event = parse(line.value);
      this.#seen.push(event);
      const found = new Map<string, unknown>(Object.entries(event));
      if (event.type === type && Object.entries(of).every(([key, value]) => found.get(key) === value))
        return event;
    }
  }

  problems(): string[] {
    return this.#seen.flatMap((event) => (event.type === 'problem' ? [event.message] : []));
  }

  /** Ctrl-C. Gives the exit code. */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGINT');
    await exited;
    return this.#child.exitCode;
  }
}

function watch(t: TestContext, ...words: string[]): Watch {
  const made = new Watch(...words);
  t.after(() => made.stop());
  return made;
}

const shell = (container: string, command: string): Promise<string> =>
  daemon.ok('exec', container, 'sh', '-c', command);

test('files are copied, changed and removed in all replicas, and in one that comes later', async (t) => {
  const folder = await project('sync', {
    'compose.yaml': `services:
  web:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    deploy: { replicas: 2 }
    develop:
      watch:
        - { action: sync, path: ./src, target: /app/src, ignore: [node_modules/, "**/*.log"], initial_sync: true }
`,
    'src/first.txt': 'first',
    'src/node_modules/big.js': 'big',
  });
  const followed = watch(t, 'watch', folder);
  await followed.next('copied', { copied: 1, replicas: 2 });
  await write(folder, {
    'src/a/b/c.txt': 'one',
    'src/a/x.log': 'left out',
    'src/node_modules/c.js': 'left out',
  });
  await followed.next('copied', { copied: 1, replicas: 2 });
  const list = 'cd /app/src && find . | sort | tr "\\n" " " && cat first.txt a/b/c.txt';
  for (const replica of ['sync-web-1', 'sync-web-2'])
    assert.equal(await shell(replica, list), '. ./a ./a/b ./a/b/c.txt ./first.txt firstone');
  // As editors save: another file, under the same name. With a mode, and a link that leads out of the folder.
  await writeFile(join(folder, 'src/a/b/.draft'), 'two');
  await chmod(join(folder, 'src/a/b/.draft'), 0o755);
  await rename(join(folder, 'src/a/b/.draft'), join(folder, 'src/a/b/c.txt'));
  await symlink('/etc/hostname', join(folder, 'src/link'));
  await followed.next('copied');
  const look = 'cd /app/src && cat a/b/c.txt && stat -c %a a/b/c.txt && readlink link';
  while ((await shell('sync-web-2', look).catch(() => '')) !== 'two755\n/etc/hostname')
    await followed.next('copied');
  await daemon.berth('scale', 'sync/web=3');
  await writeFile(join(folder, 'src/first.txt'), 'again');
  await followed.next('copied', { replicas: 3 });
  assert.equal(await shell('sync-web-3', 'cd /app/src && cat first.txt a/b/c.txt'), 'againtwo');
  await rename(join(folder, 'src/a'), join(folder, 'src/moved'));
  await rm(join(folder, 'src/first.txt'));
  await followed.next('copied', { removed: 2 });
  assert.equal(
    await shell('sync-web-1', 'cd /app/src && find . | sort | tr "\\n" " "'),
    '. ./link ./moved ./moved/b ./moved/b/c.txt ',
  );
  assert.deepEqual(followed.problems(), []);
  assert.equal(await followed.stop(), 0);
  await daemon.berth('down', folder);
});

test('what cannot be copied is told and ends nothing', async (t) => {
  const folder = await project('problems', {
    'compose.yaml': `services:
  web:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    develop: { watch: [{ action: sync, path: ./src, target: /src }] }
`,
    'src/a': '',
  });
  const followed = watch(t, 'up', '--watch', folder);
  await followed.next('watching');
  execFileSync('mkfifo', [join(folder, 'src/pipe')]);
  await followed.next('problem');
  assert.match(followed.problems()[0] ?? '', /src\/pipe' was not copied into problems-web-1: it is a pipe/);
  await writeFile(join(folder, 'src/a'), 'text');
  await followed.next('copied', { copied: 1 });
  assert.equal(await shell('problems-web-1', 'cat /src/a'), 'text');
  assert.equal(await followed.stop(), 0);
  assert.equal(await daemon.ok('inspect', '-f', '{{.State.Status}}', 'problems-web-1'), 'running');
  await daemon.berth('down', folder);
});

test('a restart keeps what was copied, and a command runs after the files are there', async (t) => {
  const folder = await project('acts', {
    'compose.yaml': `services:
  web:
    image: busybox
    command: sh -c "cat /conf/a > /seen; sleep 1000"
    stop_grace_period: 0s
    develop:
      watch:
        - { action: sync+restart, path: ./conf, target: /conf }
        - { action: restart, path: ./.env }
        - { action: sync+exec, path: ./data, target: /data, exec: { command: [sh, -c, "wc -c < /data/a > /size; echo done"] } }
`,
    'conf/a': '',
  });
  const followed = watch(t, 'watch', folder, 'web');
  await followed.next('watching');
  const id = await daemon.ok('inspect', '-f', '{{.Id}}', 'acts-web-1');
  const started = (): Promise<string> => daemon.ok('inspect', '-f', '{{.State.StartedAt}}', 'acts-web-1');
  await writeFile(join(folder, 'conf/a'), 'conf');
  await followed.next('restarted', { replicas: 1 });
  assert.equal(await daemon.ok('inspect', '-f', '{{.Id}}', 'acts-web-1'), id);
  assert.equal(await shell('acts-web-1', 'until test -s /seen; do sleep 0.05; done; cat /seen'), 'conf');
  const before = await started();
  await writeFile(join(folder, '.env'), '');
  await followed.next('restarted');
  assert.notEqual(await started(), before);
  await write(folder, { 'data/a': '12345' });
  const executed = await followed.next('executed', { container: 'acts-web-1' });
  assert.equal(executed.type === 'executed' && executed.output, 'done');
  assert.equal(await shell('acts-web-1', 'cat /size'), '5');
  assert.deepEqual(followed.problems(), []);
  await daemon.berth('down', folder);
  await followed.next('error', { code: 'app-down' });
  assert.equal(await followed.stop(), 1);
});

test('a rebuild makes a new image and an update of its service only; what does not build is told', async (t) => {
  const dockerfile = 'FROM busybox\nCOPY package /package\n';
  const service = `image: busybox, command: sleep 1000, stop_grace_period: 0s`;
  const folder = await project('rebuild', {
    'compose.yaml': `services:
  web:
    build: .
    command: sleep 1000
    stop_grace_period: 0s
    x-berth: { update: { settle: 0s } }
    develop:
      watch:
        - { action: rebuild, path: ./package }
        - { action: sync, path: ., target: /app }
  other: { ${service} }
`,
    '.dockerignore': 'secret\n',
    Dockerfile: dockerfile,
    package: '1',
  });
  const followed = watch(t, 'watch', folder);
  await followed.next('watching');
  const ids = async (): Promise<string[]> =>
    (await daemon.ok('inspect', '-f', '{{.Id}}', 'rebuild-web-1', 'rebuild-other-1')).split('\n');
  const [web, other] = await ids();
  await write(folder, { secret: 'x', kept: 'copied before' });
  await followed.next('copied', { copied: 1 });
  await writeFile(join(folder, 'package'), '2');
  await followed.next('rebuilt');
  await followed.next('copied');
  const now = await ids();
  assert.notEqual(now[0], web);
  assert.equal(now[1], other);
  // The new container has what was copied into the former one, too.
  assert.equal(
    await shell('rebuild-web-1', 'cat /package /app/kept; test ! -e /app/secret'),
    '2copied before',
  );
  await writeFile(join(folder, 'Dockerfile'), 'FROM busybox\nCOPY nosuch /package\n');
  await followed.next('copied');
  await writeFile(join(folder, 'package'), '3');
  await followed.next('problem', { service: 'web' });
  assert.deepEqual(await ids(), now);
  await writeFile(join(folder, 'Dockerfile'), dockerfile);
  await writeFile(join(folder, 'package'), '4');
  await followed.next('rebuilt');
  assert.equal(await shell('rebuild-web-1', 'cat /package'), '4');
  assert.equal(await followed.stop(), 0);
  const { stdout } = await daemon.berth('plan', '--exit-code', folder);
  assert.match(stdout, /nothing to do/);
  await daemon.berth('down', folder);
});

test('an app that says nothing to watch, or a service that is not there, is an error', async () => {
  const folder = await project('none', {
    'compose.yaml': 'services:\n  web: { image: busybox, command: sleep 1000, stop_grace_period: 0s }\n',
  });
  const none = await daemon.berth('watch', folder);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no service of the app none says what to watch/);
  const unknown = await daemon.berth('watch', '--no-up', folder, 'nosuch');
  assert.match(unknown.stderr, /the app none has no service 'nosuch': it has web/);
  await daemon.berth('down', folder);
});
