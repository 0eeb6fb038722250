import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import type { RunResult } from '../../support/docker.ts';

// What was found by asking Docker 28.3 and this engine the same: each line here once differed.

const classic = { environment: { DOCKER_BUILDKIT: '0' } };

describe('builds, every day', () => {
  let daemon: TestDaemon;
  const folder = (files: Record<string, string>): string => {
    const context = mkdtempSync(join(daemon.folder, 'context-'));
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(context, name)), { recursive: true });
      writeFileSync(join(context, name), content);
    }
    return context;
  };
  const build = (dockerfile: string, ...words: string[]): Promise<RunResult> =>
    daemon.docker('build', ...words, folder({ Dockerfile: dockerfile }), classic);
  /** What the classic builder prints, but for the ids and the size of the context. */
  const output = async (dockerfile: string, ...words: string[]): Promise<string[]> => {
    const { stdout } = await build(dockerfile, ...words);
    return stdout
      .replaceAll(/\b[0-9a-f]{12}\b/g, 'ID')
      .split('\n')
      .filter((line) => !line.startsWith('Sending') && line.trim() !== '');
  };

  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(() => daemon[Symbol.asyncDispose]());

  it('the output of the classic builder is that of Docker, but for the ids', async () => {
    const steps = [' ---> Running in ID', ' ---> Removed intermediate container ID', ' ---> ID'];
    assert.deepEqual(await output('FROM busybox\nENV A=1\nWORKDIR /w\nRUN echo said\nCOPY Dockerfile /\n'), [
      ...['Step 1/5 : FROM busybox', ' ---> ID'],
      ...['Step 2/5 : ENV A=1', ...steps],
      ...['Step 3/5 : WORKDIR /w', ...steps],
      ...['Step 4/5 : RUN echo said', ' ---> Running in ID', 'said', ...steps.slice(1)],
      ...['Step 5/5 : COPY Dockerfile /', ' ---> ID'],
      'Successfully built ID',
    ]);
    assert.deepEqual(await output('FROM busybox\nHEALTHCHECK CMD true\nHEALTHCHECK NONE\n'), [
      ...['Step 1/3 : FROM busybox', ' ---> ID'],
      ...['Step 2/3 : HEALTHCHECK CMD true', ...steps],
      ...['Step 3/3 : HEALTHCHECK NONE', 'Note: overriding previous HEALTHCHECK: [CMD-SHELL true]', ...steps],
      'Successfully built ID',
    ]);
    const warned = await build('FROM busybox\nENV A=1 \\\n\n  B=2\n');
    const red = (text: string): string => `\u001b[91m[WARNING]: ${text}\n\u001b[0m`;
    const warnings = [
      'Empty continuation line found in: ENV A=1   B=2',
      'Empty continuation lines will become errors in a future release.',
    ];
    assert.ok(
      warned.stdout.includes(`${warnings.map(red).join('')}Step 1/2 : FROM busybox\n`),
      warned.stdout,
    );
  });

  it('the triggers of a base are told as part of its FROM', async () => {
    await build('FROM busybox\nONBUILD ARG X\nONBUILD RUN echo triggered $X\n', '-q', '-t', 'triggers');
    assert.deepEqual(await output('FROM triggers\n', '--build-arg', 'X=by', '--build-arg', 'Y=none'), [
      ...['Step 1/1 : FROM triggers', '# Executing 2 build triggers', ' ---> Running in ID'],
      ...[' ---> Removed intermediate container ID', ' ---> Running in ID', 'triggered by'],
      ...[' ---> Removed intermediate container ID', ' ---> ID'],
      ...['[Warning] One or more build-args [Y] were not consumed', 'Successfully built ID'],
    ]);
  });

  it('WORKDIR belongs to root where the image does not know its user', async () => {
    await build('FROM busybox\nUSER nobody-knows:none\nWORKDIR /made\n', '-q', '-t', 'unknown');
    const owner = ['run', '--rm', '-u', '0', 'unknown', 'stat', '-c', '%u:%g', '/made'];
    assert.equal(await daemon.ok(...owner), '0:0');
  });

  it('mistakes are told in the words of Docker', async () => {
    const cases: [line: string, expected: RegExp][] = [
      ['EXPOSE abc', /^invalid containerPort: abc/m],
      ['STOPSIGNAL NOPE', /^invalid signal: NOPE/m],
      [
        'ENV a="b',
        /^failed to process "\\"b": unexpected end of statement while looking for matching double-/m,
      ],
      ['HEALTHCHECK --interval=1 CMD true', /line 2: time: missing unit in duration "1"\n/],
      ['HEALTHCHECK --retries=-1 CMD true', /line 2: --retries cannot be negative \(-1\)\n/],
      ['COPY a', /only one was provided\. Destination could not be determined\n/],
      ['COPY http://x/y /', /^COPY failed: source can't be a URL for COPY/m],
      ['COPY --chown=none Dockerfile /', /can't find uid for user none: no such user: none/],
      ['COPY --from=busybox /none /', /^COPY failed: stat none: file does not exist/m],
    ];
    for (const [line, expected] of cases) {
      const { code, stderr } = await build(`FROM busybox\n${line}\n`);
      assert.equal(code, 1, line);
      assert.match(stderr, expected, line);
    }
    assert.match(
      (await build('# nothing\n')).stderr,
      /failed to parse Dockerfile: file with no instructions/,
    );
    const missing = await build('FROM busybox AS one\n', '--target', 'two');
    assert.match(missing.stderr, /target stage "two" could not be found/);
  });

  it('an instruction without a command, and a pattern that finds nothing, are taken', async () => {
    await build('FROM busybox\nENTRYPOINT []\nCMD []\nCOPY *.none /none/\n', '-q', '-t', 'empty');
    const format = '{{json .Config.Cmd}} {{json .Config.Entrypoint}}';
    assert.equal(await daemon.ok('inspect', '-f', format, 'empty'), 'null null');
    await build('FROM busybox\nCMD\n', '-q', '-t', 'bare');
    assert.equal(await daemon.ok('inspect', '-f', '{{json .Config.Cmd}}', 'bare'), '["/bin/sh","-c",""]');
  });

  it('of a context that is sent as an archive .dockerignore takes away only what the builder itself read', async () => {
    const context = folder({
      Dockerfile: 'FROM busybox\nCOPY . /x\n',
      '.dockerignore': 'a\nDockerfile\n',
      a: '',
      b: '',
    });
    const input = execFileSync('tar', ['-c', '-C', context, '.']);
    await daemon.ok('build', '-t', 'sent', '-', { ...classic, input });
    assert.equal(await daemon.ok('run', '--rm', 'sent', 'ls', '-A', '/x'), '.dockerignore\na\nb');
  });

  it('--cache-from takes the steps of an image, also when nothing else is known of them', async () => {
    const dockerfile = 'FROM busybox\nENV A=1\nRUN echo $A > /made\nCOPY Dockerfile /\nRUN date > /date\n';
    await build(dockerfile, '-q', '-t', 'known');
    const made = await daemon.ok('run', '--rm', 'known', 'cat', '/date');
    const archive = join(daemon.folder, 'known.tar');
    await daemon.ok('save', '-o', archive, 'known');
    await daemon.ok('rmi', 'known');
    await daemon.ok('builder', 'prune', '-af');
    await daemon.ok('load', '-i', archive);
    const { stdout } = await build(dockerfile, '--cache-from', 'known,none:1', '-t', 'again');
    assert.equal(stdout.match(/ ---> Using cache\n/g)?.length, 4, stdout);
    assert.doesNotMatch(stdout, /Warning|Running in/);
    assert.equal(await daemon.ok('run', '--rm', 'again', 'cat', '/date'), made);
    const changed = await build(`${dockerfile}RUN true\n`, '--cache-from', 'known');
    assert.match(changed.stdout, /Step 4\/6 : COPY Dockerfile \/\n ---> [0-9a-f]{12}\n/);
    const uncached = await build(dockerfile, '--cache-from', 'known', '--no-cache');
    assert.doesNotMatch(uncached.stdout, /Using cache/);
  });

  it('berth build says what is wrong with the folder, the file and the output', async () => {
    const context = folder({ Dockerfile: 'FROM busybox\n' });
    const cases: [words: string[], expected: string][] = [
      [['/none'], 'berth: unable to prepare context: path "/none" not found\n'],
      [
        [join(context, 'Dockerfile')],
        `berth: unable to prepare context: context must be a directory: ${join(context, 'Dockerfile')}\n`,
      ],
      [['-f', '/none', context], "berth: '/none' cannot be read: no such file or directory\n"],
      [
        ['-o', 'type=tar,dest=/none/x.tar', context],
        "berth: --output: '/none/x.tar' cannot be written: no such file or directory\n",
      ],
      [
        ['--cache-to', 'type=local,dest=/proc/x', context],
        "berth: the folder '/proc/x' cannot be made: no such file or directory\n",
      ],
      [['-o', 'type=bogus', context], "berth: --output 'type=bogus': the type 'bogus' is not offered\n"],
    ];
    for (const [words, expected] of cases) {
      const { code, stderr } = await daemon.berth('build', ...words);
      assert.equal(code, 1);
      assert.ok(stderr.includes(expected), stderr);
    }
    assert.doesNotMatch((await daemon.berth('build', '--help')).stdout, /default: \[\]/);
    const { stderr } = await daemon.berth('system', 'df', {
      environment: { BERTH_HOST: 'unix:///none.sock' },
    });
    assert.match(stderr, /no daemon answers on unix:\/\/\/none\.sock: there is no such socket\n {2}hint: /);
  });
});
