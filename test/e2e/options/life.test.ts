import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { optionCases } from '../../support/option-cases.ts';

const folder = mkdtempSync('/var/tmp/berth-life-');
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

describe('options for the life of a container', { concurrency: 2 }, () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const run = (...words: string[]): Promise<string> => daemon.ok('run', '--network', 'none', ...words);
  const inspect = (name: string, format: string): Promise<string> => daemon.ok('inspect', '-f', format, name);

  describe('files and the image', { concurrency: 2 }, () => {
    optionCases(
      () => daemon,
      [
        {
          options: `--env-file ${file('env', 'A=from file\n# no\nB=2\n')} -e B=3`,
          run: 'echo $A $B',
          shows: 'from file 3',
        },
        { options: '--pull never', run: 'echo here', shows: 'here' },
        { options: '--platform linux/amd64', ...(process.arch === 'x64' ? {} : { code: 125 }) },
        { options: '--pull never --platform linux/s390x', code: 125, says: /s390x/ },
        {
          options: '--isolation hyperv',
          code: 125,
          says: /invalid isolation \(hyperv\): linux only supports 'default'/,
        },
        { options: '--isolation default' },
        { options: '--runtime crun' },
        { options: '--stop-signal NOPE', code: 125, says: /invalid signal: NOPE/ },
        {
          options: '--restart always',
          code: 125,
          says: /conflicting options: cannot specify both --restart and --rm/,
        },
        { options: '--health-interval 10us --health-cmd true', code: 125, says: /cannot be less than 1ms/ },
      ],
    );

    it('refuses an image that is not there with --pull never', async () => {
      const { code, stderr } = await daemon.docker('run', '--pull', 'never', 'nosuch');
      assert.equal(code, 125);
      assert.match(stderr, /No such image: nosuch:latest/);
    });

    it('writes the id to --cidfile, reads labels of --label-file, keeps annotations', async () => {
      const cid = join(folder, 'cid');
      const labels = file('labels', 'a=1\nb=2\n');
      const options = ['--cidfile', cid, '--label-file', labels, '-l', 'c=3', '--annotation', 'x.y=z'];
      const id = await run('-d', '--name', 'described', ...options, 'busybox', 'sleep', '600');
      assert.equal(readFileSync(cid, 'utf8'), id);
      assert.equal(await inspect(id, '{{json .Config.Labels}}'), '{"a":"1","b":"2","c":"3"}');
      const config = readFileSync(join(daemon.run, 'bundles', id, 'config.json'), 'utf8');
      assert.match(config, /"annotations":\{[^}]*"x\.y":"z"/);
      await daemon.ok('rm', '-f', id);
    });
  });

  describe('ends and restarts', { concurrency: 2 }, () => {
    it('sends --stop-signal, and kills after --stop-timeout', async () => {
      const trap = (signal: string) => `trap "exit 7" ${signal}; echo ready; while :; do sleep 0.02; done`;
      await run('-d', '--name', 'polite', '--stop-signal', 'USR1', 'busybox', 'sh', '-c', trap('USR1'));
      await run('-d', '--name', 'stubborn', '--stop-timeout', '0', 'busybox', 'sh', '-c', trap('USR1'));
      for (const name of ['polite', 'stubborn']) while ((await daemon.ok('logs', name)) === '');
      await daemon.ok('stop', 'polite', 'stubborn');
      assert.equal(await inspect('polite', '{{.State.ExitCode}}'), '7');
      assert.equal(await inspect('stubborn', '{{.State.ExitCode}}'), '137');
    });

    it('restarts as often as --restart says, with a growing pause', async () => {
      await run(
        '-d',
        '--name',
        'again',
        '--restart',
        'on-failure:3',
        'busybox',
        'sh',
        '-c',
        'echo x; exit 3',
      );
      await daemon.ok('wait', 'again');
      while ((await inspect('again', '{{.State.Status}} {{.RestartCount}}')) !== 'exited 3');
      const lines = (await daemon.ok('logs', '-t', 'again')).split('\n');
      const times = lines.map((line) => Date.parse(line.split(' ')[0] ?? ''));
      const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
      assert.equal(pauses.length, 3);
      for (const [index, least] of [100, 200, 400].entries())
        assert.ok((pauses[index] ?? 0) >= least, `pauses of ${pauses.join(', ')} ms`);
    });

    it('reports health from --health-* options, and none with --no-healthcheck', async () => {
      const check = ['--health-cmd', 'test -e /ok', '--health-interval', '1h', '--health-retries', '1'];
      const early = [
        '--health-start-period',
        '1h',
        '--health-start-interval',
        '20ms',
        '--health-timeout',
        '5s',
      ];
      await run('-d', '--name', 'checked', ...check, ...early, 'busybox', 'sleep', '600');
      const health = (name: string): Promise<string> =>
        inspect(name, '{{if .State.Health}}{{.State.Health.Status}}{{end}}');
      assert.equal(await health('checked'), 'starting');
      await daemon.ok('exec', 'checked', 'touch', '/ok');
      while ((await health('checked')) !== 'healthy');
      await run('-d', '--name', 'unchecked', '--no-healthcheck', 'busybox', 'sleep', '600');
      assert.equal(await health('unchecked'), '');
      await daemon.ok('rm', '-f', 'checked', 'unchecked');
    });
  });

  describe('logs', { concurrency: 2 }, () => {
    optionCases(
      () => daemon,
      [
        ...['fluentd', 'gelf', 'awslogs', 'splunk', 'gcplogs'].map((driver) => ({
          options: `--log-driver ${driver}`,
          code: 125,
          says: new RegExp(`log driver '${driver}' is not supported: use syslog or journald`),
        })),
        {
          options: '--log-driver syslog --log-opt syslog-address=tcp://127.0.0.1:1',
          code: 125,
          says: /failed to initialize logging driver: dial tcp 127\.0\.0\.1:1: connect ECONNREFUSED/,
        },
        {
          options: '--log-driver odd',
          code: 125,
          says: /error looking up logging plugin odd: plugin "odd" not found/,
        },
        {
          options: '--log-driver json-file --log-opt odd=1',
          code: 125,
          says: /unknown log opt 'odd' for json-file log driver/,
        },
        {
          options: '--log-driver local --log-opt labels=a',
          code: 125,
          says: /unknown log opt 'labels' for local log driver/,
        },
        { options: '--log-opt compress=true', says: /compress has no effect/ },
        { options: '--log-driver none', run: 'echo seen', shows: 'seen' },
      ],
    );

    it('shows labels, variables and the tag as details', async () => {
      const log = [
        '--log-opt',
        'labels=team',
        '--log-opt',
        'env=MODE',
        '--log-opt',
        'tag={{.Name}}/{{.ImageName}}',
      ];
      await run('--name', 'detailed', '-l', 'team=a', '-e', 'MODE=on', ...log, 'busybox', 'echo', 'x');
      assert.equal(
        await daemon.ok('logs', '--details', 'detailed'),
        'MODE=on,tag=detailed%2Fbusybox,team=a x',
      );
    });

    for (const driver of ['json-file', 'local'])
      it(`keeps the log of ${driver} within max-size and max-file`, async () => {
        const limits = ['--log-driver', driver, '--log-opt', 'max-size=10k', '--log-opt', 'max-file=2'];
        const script = 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo "line $i"; done; sleep 600';
        const id = await run('-d', ...limits, 'busybox', 'sh', '-c', script);
        while (!(await daemon.ok('logs', '--tail', '1', id)).includes('line 2000'));
        const folder = join(daemon.root, 'logs', id);
        while (!existsSync(join(folder, 'log.1')));
        await daemon.ok('rm', '-f', id);
      });
  });

  describe('streams', { concurrency: 2 }, () => {
    it('attaches what --attach names', async () => {
      const both = 'echo out; echo err >&2';
      const only = await daemon.docker(
        'run',
        '--rm',
        '--network',
        'none',
        '-a',
        'stderr',
        'busybox',
        'sh',
        '-c',
        both,
      );
      assert.deepEqual(only, { code: 0, stdout: '', stderr: 'err\n' });
      const input = { input: 'in' };
      const fed = await daemon.ok(
        'run',
        '--rm',
        '--network',
        'none',
        '-i',
        '-a',
        'stdin',
        '-a',
        'stdout',
        'busybox',
        'cat',
        input,
      );
      assert.equal(fed, 'in');
      const deaf = await daemon.ok('run', '--rm', '--network', 'none', 'busybox', 'cat', input);
      assert.equal(deaf, '', 'stdin is closed without --interactive');
    });

    const client = (...words: string[]) =>
      spawn('docker', ['run', '--network', 'none', ...words], {
        env: { ...process.env, ...daemon.environment },
        stdio: ['pipe', 'pipe', 'inherit'],
      });

    it('lets go of the terminal at --detach-keys', async () => {
      const options = '--network none -it --detach-keys x,y --name left';
      const command = `docker run ${options} busybox sh -c "echo ready; read line; sleep 600"`;
      const child = spawn('script', ['-qfec', command, '/dev/null'], {
        env: { ...process.env, ...daemon.environment },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      await once(child.stdout, 'data');
      child.stdin.write('xy');
      await ended;
      assert.equal(await inspect('left', '{{.State.Running}}'), 'true');
      await daemon.ok('rm', '-f', 'left');
    });

    it('hands signals on with --sig-proxy, and keeps them with --sig-proxy=false', async () => {
      const script = 'trap "exit 9" TERM; echo ready; while :; do sleep 0.02; done';
      for (const [proxy, name, running] of [
        ['true', 'heard', 'false'],
        ['false', 'unheard', 'true'],
      ] as const) {
        const child = client('--name', name, `--sig-proxy=${proxy}`, 'busybox', 'sh', '-c', script);
        await once(child.stdout, 'data');
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        // Without a proxy the client itself gives in after three signals.
        while (proxy === 'false' && child.exitCode === null) {
          await daemon.ok('exec', name, 'true');
          child.kill('SIGTERM');
        }
        await ended;
        if (proxy === 'true') await daemon.ok('wait', name);
        assert.equal(await inspect(name, '{{.State.Running}}'), running);
        await daemon.ok('rm', '-f', name);
      }
    });
  });
});
