import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';

// What was found by asking Docker 28.3 and this engine the same: each line here once differed.

const classic = { environment: { DOCKER_BUILDKIT: '0' } };

describe('images, every day', () => {
  let daemon: TestDaemon;
  let registry: TestRegistry;
  let base: string;
  const build = (name: string, lines: string): Promise<string> =>
    daemon.ok('build', '-q', '-t', name, '-', { ...classic, input: `FROM busybox\n${lines}` });
  const refused = async (...words: Parameters<TestDaemon['docker']>): Promise<string> => {
    const { code, stderr, stdout } = await daemon.docker(...words);
    assert.notEqual(code, 0, stdout);
    return stderr;
  };

  before(async () => {
    [daemon, registry] = await Promise.all([startDaemon(), startRegistry()]);
    await daemon.loadBusybox();
    base = await daemon.ok('images', '-q', '--no-trunc', 'busybox');
  });
  after(async () => {
    await registry[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  it('docker save of a repository has all of its tags, and docker load tells which image loses a name', async () => {
    const old = await build('kept:1', 'ENV A=1\n');
    await daemon.ok('tag', 'kept:1', 'kept:2');
    const archive = join(daemon.folder, 'kept.tar');
    await daemon.ok('save', '-o', archive, 'kept');
    await daemon.ok('rmi', 'kept:2');
    const other = await build('kept:1', 'ENV A=2\n');
    assert.deepEqual((await daemon.ok('load', '-i', archive)).split('\n'), [
      `The image kept:1 already exists, renaming the old one with ID ${other} to empty string`,
      ...['Loaded image: kept:1', 'Loaded image: kept:2'],
    ]);
    assert.equal(await daemon.ok('inspect', '-f', '{{.Id}}', 'kept:1'), old);
    assert.match(await refused('save', 'nothing', '-o', archive), /No such image: nothing\n/);
    await daemon.ok('rmi', 'kept:1', 'kept:2', other);
  });

  it('archives and root file systems may be compressed by bzip2 and xz', async () => {
    const archive = join(daemon.folder, 'small.tar');
    const root = join(daemon.folder, 'small');
    mkdirSync(root);
    writeFileSync(join(root, 'file'), 'content');
    for (const [flag, program] of [
      ['-j', 'bzip2'],
      ['-J', 'xz'],
    ] as const) {
      execFileSync('tar', ['-C', root, flag, '-cf', archive, '.']);
      await daemon.ok('import', archive, 'packed:1');
      await daemon.ok('save', '-o', archive, 'packed:1');
      await daemon.ok('rmi', 'packed:1');
      const packed = execFileSync(program, ['-c', archive]);
      assert.equal(await daemon.ok('load', { input: packed }), 'Loaded image: packed:1');
      await daemon.ok('rmi', 'packed:1');
      assert.match(await refused('load', { input: packed.subarray(0, 200) }), /damaged or cut short/);
    }
  });

  it('docker rmi takes a name off an image that others are built upon, and by force one that a stopped container uses', async () => {
    await build('parent', 'ENV A=1\n');
    await daemon.ok('build', '-q', '-t', 'child', '-', { ...classic, input: 'FROM parent\nENV B=1\n' });
    assert.equal(await daemon.ok('rmi', 'parent'), 'Untagged: parent:latest');
    assert.match(await daemon.ok('rmi', 'child'), /Deleted: .*\nDeleted: /);
    await build('used', 'ENV C=1\n');
    await daemon.ok('create', '--name', 'user', 'used', 'true');
    assert.match(
      await refused('rmi', 'used'),
      /unable to remove repository reference "used" \(must force\) - container/,
    );
    assert.match(await daemon.ok('rmi', '-f', 'used'), /^Untagged: used:latest\nDeleted: sha256:/);
    await daemon.ok('rm', 'user');
  });

  it('docker commit of a container that changed nothing adds no layer', async () => {
    await daemon.ok('run', '--name', 'unchanged', '-i', 'busybox', 'true');
    await daemon.ok('commit', 'unchanged', 'committed');
    const format = '{{len .RootFS.Layers}}';
    assert.equal(
      await daemon.ok('inspect', '-f', format, 'committed'),
      await daemon.ok('inspect', '-f', format, 'busybox'),
    );
    const shown = await daemon.ok('image', 'inspect', '-f', '{{json .Config}}', 'committed');
    assert.doesNotMatch(shown, /Tty|Attach|OpenStdin|Hostname|\{\}/);
    assert.equal(await daemon.ok('run', '--rm', 'committed', 'echo', 'runs'), 'runs');
    await daemon.ok('rm', 'unchanged');
    await daemon.ok('rmi', 'committed');
  });

  it('--change takes what a Dockerfile takes, and refuses the rest in its words', async () => {
    const input = execFileSync('tar', ['-c', '-T', '/dev/null']);
    const change = (line: string): ReturnType<TestDaemon['docker']> =>
      daemon.docker('import', '-c', line, '-', 'changed', { input });
    for (const [line, words] of [
      ['STOPSIGNAL NOPE', 'invalid signal: NOPE'],
      ['ENV', 'ENV requires at least one argument'],
      ['HEALTHCHECK --interval=1 CMD x', 'time: missing unit in duration "1"'],
      ['RUN x', 'RUN is not a valid change command'],
    ] as const)
      assert.match((await change(line)).stderr, new RegExp(`Error response from daemon: ${words}`));
    assert.equal((await change('env A="b c" D=$PATH')).code, 0);
    assert.equal(await daemon.ok('inspect', '-f', '{{json .Config.Env}}', 'changed'), '["A=b c","D="]');
    await daemon.ok('rmi', 'changed');
  });

  it('what cannot be is refused in the words of Docker', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const cases: [words: string[], expected: RegExp][] = [
      [['tag', 'busybox', `x@${digest}`], /refusing to create a tag with a digest reference/],
      [['tag', 'busybox', 'sha256:1'], /refusing to create an ambiguous tag using digest algorithm as name/],
      [['pull', 'scratch'], /'scratch' is a reserved name/],
      [['pull', '--platform', 'bogus', 'x'], /"bogus": unknown operating system or architecture: invalid/],
      [['image', 'inspect', 'BAD@@'], /invalid reference format/],
      [['images', '-f', 'reference=['], /syntax error in pattern/],
      [['image', 'prune', '-f', '--filter', 'until=xx'], /failed to parse value as time or duration: "xx"/],
      [
        ['image', 'prune', '-f', '--filter', 'until=1h', '--filter', 'until=2h'],
        /more than one until filter/,
      ],
      [['search', '--limit', '200', 'x'], /limit 200 is outside the range of \[1, 100\]/],
    ];
    for (const [words, expected] of cases) assert.match(await refused(...words), expected, words.join(' '));
    // It hands its filters on to the build cache, which has no labels.
    assert.match(await daemon.ok('system', 'prune', '-f', '--filter', 'label=none'), /Total reclaimed/);
  });

  it('push and pull say what Docker says', async () => {
    const name = `${registry.host}/app`;
    await daemon.ok('tag', 'busybox', `${name}:1`);
    const pushed = await daemon.docker('push', name);
    assert.match(pushed.stdout, new RegExp(`The push refers to repository \\[${name}\\]\n$`));
    assert.equal(pushed.stderr, `tag does not exist: ${name}:latest\n`);
    assert.match(
      await refused('push', 'nothing'),
      /^An image does not exist locally with the tag: nothing\n/,
    );
    await daemon.ok('push', '-q', `${name}:1`);
    const digest = await daemon.ok('inspect', '-f', '{{index .RepoDigests 0}}', `${name}:1`);
    assert.match(
      await daemon.ok('pull', digest),
      new RegExp(
        `^${digest}: Pulling from app\nDigest: sha256:\\w+\nStatus: Image is up to date for ${digest}`,
      ),
    );
    const all = await daemon.ok('pull', '-a', name);
    assert.deepEqual(all.match(/^Status: .*$/gm), [`Status: Image is up to date for ${name}`]);
    const since = String(Date.now() / 1000);
    await daemon.ok('rmi', `${name}:1`);
    const untags = await daemon.ok(
      ...['events', '--since', since, '--until', String(Date.now() / 1000 + 1)],
      ...['--filter', 'event=untag', '--format', '{{.Action}}'],
    );
    assert.equal(untags, 'untag', 'the digest goes with the last name, without a word');
  });

  it('events of images tell their labels, and can be filtered by them', async () => {
    const since = String(Date.now() / 1000);
    await build('labelled', 'LABEL mine=yes\n');
    await daemon.ok('rmi', 'labelled');
    const until = String(Date.now() / 1000 + 1);
    const shown = await daemon.ok(
      ...['events', '--since', since, '--until', until, '--filter', 'type=image'],
      ...['--filter', 'label=mine=yes', '--format', '{{.Action}}'],
    );
    assert.deepEqual(shown.split('\n'), ['create', 'tag', 'untag']);
    assert.equal(await daemon.ok('images', '-q', '--no-trunc', 'busybox'), base);
  });
});
