import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

// Once with each OCI runtime, as the settings have it for containers that ask for none.
for (const runtime of ['crun', 'runc'])
  describe(`a container's life, with ${runtime}`, () => {
    let daemon: TestDaemon;
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'berth-life-'));
      const settings = join(folder, 'config.toml');
      await writeFile(settings, `runtime = "${runtime}"\n`);
      daemon = await startDaemon({ environment: { BERTH_CONFIG: settings } });
      await daemon.loadBusybox();
    });
    after(async () => {
      await daemon[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    });

    it('has the OCI runtime of the settings, or the one that it asks for', async () => {
      const info = await daemon.ok(
        'info',
        '-f',
        '{{.DefaultRuntime}} {{range $name, $_ := .Runtimes}}{{$name}} {{end}}',
      );
      assert.equal(info.trim(), `${runtime} crun runc`);
      for (const asked of ['', 'crun', 'runc']) {
        const options = asked === '' ? [] : ['--runtime', asked];
        const id = await background('made', ...options, 'busybox', 'sh', '-c', 'echo one; exec sleep 60');
        assert.equal(await daemon.ok('inspect', '-f', '{{.HostConfig.Runtime}}', 'made'), asked || runtime);
        assert.ok(existsSync(join(daemon.run, asked || runtime, id)));
        assert.equal(await daemon.ok('exec', 'made', 'cat', '/proc/1/comm'), 'sleep');
        await daemon.ok('rm', '-f', 'made');
        assert.equal(existsSync(join(daemon.run, asked || runtime, id)), false);
      }
      const { stderr } = await daemon.docker('run', '--runtime', 'kata', 'busybox');
      assert.match(stderr, /unknown or invalid runtime name: kata/);
    });

    const state = (name: string, field: string): Promise<string> =>
      daemon.ok('inspect', '-f', `{{.State.${field}}}`, name);
    const background = (name: string, ...args: string[]): Promise<string> =>
      daemon.ok('run', '-d', '--network', 'none', '--name', name, ...args);
    /** Prints `ready` when its trap is set. */
    const trapping = (signal: string, code: number): string[] => [
      'busybox',
      'sh',
      '-c',
      `trap "exit ${code}" ${signal}; echo ready; while :; do sleep 0.05; done`,
    ];
    const ready = (name: string): Promise<void> => logged(name, 'ready');
    const logged = async (name: string, text: string): Promise<void> => {
      while (!(await daemon.ok('logs', name)).includes(text));
    };

    it('stops by its own signal and keeps its exit code', async () => {
      await background('own', '--stop-signal', 'USR1', ...trapping('USR1', 5));
      await ready('own');
      await daemon.ok('stop', '-t', '10', 'own');
      assert.equal(await state('own', 'ExitCode'), '5');
      assert.equal(await state('own', 'Status'), 'exited');
    });

    it('is killed when it does not heed the stop signal', async () => {
      await background(
        'deaf',
        'busybox',
        'sh',
        '-c',
        'trap "" TERM; echo ready; while :; do sleep 0.05; done',
      );
      await ready('deaf');
      await daemon.ok('stop', '-t', '1', 'deaf');
      assert.equal(await state('deaf', 'ExitCode'), '137');
    });

    it('answers 304 to what is already so and 409 to what cannot be', async () => {
      await background('busy', 'busybox', 'sleep', '60');
      const status = async (method: string, path: string) => (await daemon.api(method, path)).status;
      assert.equal(await status('POST', '/containers/busy/start'), 304);
      assert.equal(await status('DELETE', '/containers/busy'), 409);
      assert.equal(await status('POST', '/containers/busy/unpause'), 409);
      assert.equal(await status('POST', '/containers/busy/kill?signal=KILL'), 204);
      assert.equal(await status('POST', '/containers/busy/stop'), 304);
      assert.equal(await status('POST', '/containers/busy/kill'), 409);
      assert.equal(await status('POST', '/containers/busy/pause'), 409);
      assert.equal(await status('DELETE', '/containers/busy'), 204);
      assert.equal(await status('GET', '/containers/busy/json'), 404);
    });

    it('pauses and goes on', async () => {
      await background('frozen', 'busybox', 'sleep', '60');
      await daemon.ok('pause', 'frozen');
      assert.equal(await state('frozen', 'Status'), 'paused');
      assert.match(await daemon.ok('ps', '-f', 'name=frozen', '--format', '{{.Status}}'), /\(Paused\)$/);
      assert.equal((await daemon.docker('exec', 'frozen', 'true')).code, 1);
      await daemon.ok('unpause', 'frozen');
      await daemon.ok('exec', 'frozen', 'true');
      await daemon.ok('rm', '-f', 'frozen');
    });

    it('restarts on request with its log going on', async () => {
      await background('again', 'busybox', 'sh', '-c', 'echo begun; sleep 60');
      await daemon.ok('restart', '-t', '0', 'again');
      await logged('again', 'begun\nbegun');
      assert.equal(await daemon.ok('inspect', '-f', '{{.RestartCount}}', 'again'), '0');
      await daemon.ok('rm', '-f', 'again');
    });

    it('is never seen as ended while it is restarted on request', async () => {
      const id = await background('kept', '--rm', 'busybox', 'sleep', '60');
      const filters = encodeURIComponent(JSON.stringify({ container: [id], event: ['die'] }));
      const events = await daemon.open('GET', `/events?filters=${filters}`);
      const restarting = daemon.ok('restart', '-t', '0', 'kept');
      await once(events, 'data');
      assert.match((await daemon.api('GET', '/containers/kept/json')).text, /"Running":true/);
      events.destroy();
      await restarting;
      assert.equal(await state('kept', 'Status'), 'running');
      await daemon.ok('rm', '-f', 'kept');
    });

    it('is restarted by its policy as often as it may', async () => {
      await background('failing', '--restart', 'on-failure:2', 'busybox', 'sh', '-c', 'echo try; exit 3');
      assert.equal(await daemon.ok('wait', 'failing'), '3');
      assert.equal(await daemon.ok('logs', 'failing'), 'try\ntry\ntry');
      assert.equal(await daemon.ok('inspect', '-f', '{{.RestartCount}}', 'failing'), '2');
    });

    it('stays stopped when a person stopped it in spite of its policy', async () => {
      await background('always', '--restart', 'always', 'busybox', 'sh', '-c', 'exit 0');
      await daemon.ok('stop', 'always');
      assert.equal(await state('always', 'Status'), 'exited');
      assert.equal(await state('always', 'Restarting'), 'false');
      await daemon.ok('start', 'always');
      await daemon.ok('rm', '-f', 'always');
    });

    it('keeps its name and writes when it is renamed', async () => {
      await daemon.ok('create', '--name', 'before', 'busybox', 'true');
      await daemon.ok('create', '--name', 'other', 'busybox', 'true');
      assert.match((await daemon.docker('rename', 'before', 'other')).stderr, /is already in use/);
      await daemon.ok('rename', 'before', 'afterwards');
      await daemon.ok('start', 'afterwards');
      assert.equal((await daemon.docker('inspect', 'before')).code, 1);
      await daemon.ok('create', '--name', 'before', 'busybox', 'true');
    });

    it('changes limits and policy while it runs', async () => {
      await background('limited', '--memory', '64m', 'busybox', 'sleep', '60');
      await daemon.ok('update', '--memory', '32m', '--memory-swap', '64m', '--restart', 'always', 'limited');
      assert.equal(
        await daemon.ok(
          'inspect',
          '-f',
          '{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}',
          'limited',
        ),
        '33554432 always',
      );
      const limit = await daemon.ok(
        'exec',
        'limited',
        'sh',
        '-c',
        'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true',
      );
      assert.equal(limit, '33554432');
      await daemon.ok('rm', '-f', 'limited');
    });

    it('is removed once although two ask for it', async () => {
      await background('doomed', 'busybox', 'sleep', '60');
      await Promise.all([daemon.docker('rm', '-f', 'doomed'), daemon.docker('rm', '-f', 'doomed')]);
      assert.equal((await daemon.docker('inspect', 'doomed')).code, 1);
    });

    it('tells waiting clients about exit and removal', async () => {
      await background('waited', 'busybox', 'sh', '-c', 'sleep 0.3; exit 11');
      assert.equal(await daemon.ok('wait', 'waited'), '11');
      const removed = daemon.api('POST', '/containers/waited/wait?condition=removed');
      await daemon.ok('rm', 'waited');
      assert.deepEqual(JSON.parse((await removed).text), { StatusCode: 11 });
      assert.equal((await daemon.api('POST', '/containers/x/wait')).status, 404);
    });

    it('reports everything that happens to it', async () => {
      const since = String(Math.floor(Date.now() / 1000));
      await daemon.docker(
        'run',
        '--rm',
        '--network',
        'none',
        '--name',
        'seen',
        '-l',
        'k=v',
        'busybox',
        'sh',
        '-c',
        'exit 4',
      );
      const format = '{{.Action}} {{index .Actor.Attributes "exitCode"}} {{index .Actor.Attributes "k"}}';
      const until = String(Math.ceil(Date.now() / 1000));
      const seen = await daemon.ok(
        'events',
        '--since',
        since,
        '--until',
        until,
        '-f',
        'container=seen',
        '--format',
        format,
      );
      const actions = seen.split('\n').map((line) => line.trim());
      assert.deepEqual(
        actions.map((line) => line.split(' ')[0]),
        ['create', 'attach', 'start', 'die', 'destroy'],
      );
      assert.ok(actions.includes('die 4 v'), seen);
    });

    it('tells of the volumes that it has while it runs', async () => {
      const since = String(Date.now() / 1000);
      await daemon.ok('run', '--rm', '--name', 'having', '-v', 'had:/v:ro', 'busybox', 'true');
      const until = String(Date.now() / 1000 + 1);
      const format = '{{.Action}} {{json .Actor.Attributes}}';
      const words = ['events', '--since', since, '--until', until, '-f', 'volume=had', '--format', format];
      const actions = (await daemon.ok(...words)).split('\n');
      assert.equal(actions.length, 3);
      assert.match(actions[0] ?? '', /^create /);
      assert.match(actions[1] ?? '', /^mount .*"destination":"\/v","driver":"local".*"read\/write":"false"/);
      assert.match(actions[2] ?? '', /^unmount \{"container":"[0-9a-f]{64}","driver":"local"\}$/);
    });

    it('is healthy or not as its probe says', async () => {
      await background(
        'probed',
        '--health-cmd',
        'test -f /ok',
        '--health-interval',
        '100ms',
        '--health-retries',
        '2',
        'busybox',
        'sleep',
        '60',
      );
      const until = async (wanted: string) => {
        for (let status = ''; status !== wanted; status = await state('probed', 'Health.Status'));
      };
      await until('unhealthy');
      await daemon.ok('exec', 'probed', 'touch', '/ok');
      await until('healthy');
      assert.match(
        await daemon.ok('ps', '-f', 'health=healthy', '--format', '{{.Names}} {{.Status}}'),
        /^probed Up .*\(healthy\)$/,
      );
      await daemon.ok('rm', '-f', 'probed');
    });

    it('tells all that a probe said, and when one took too long', async () => {
      const lastProbe = async (command: string, timeout: string): Promise<string> => {
        const check = ['--health-cmd', command, '--health-interval', '1h', '--health-start-interval', '50ms'];
        const quick = ['--health-start-period', '1h', '--health-timeout', timeout];
        await background('probed', ...check, ...quick, 'busybox', 'sleep', '60');
        const format = '{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}';
        for (;;) {
          const said = await daemon.ok('inspect', '-f', format, 'probed');
          if (said === '') continue;
          await daemon.ok('rm', '-f', 'probed');
          return said;
        }
      };
      assert.match(await lastProbe('printf out; printf err >&2', '30s'), /^0 (outerr|errout)/);
      assert.match(await lastProbe('sleep 60', '250ms'), /^-1 Health check exceeded timeout \(250ms\)/);
      assert.match(
        await lastProbe('echo slow; sleep 60', '2s'),
        /^-1 Health check exceeded timeout \(2s\): slow/,
      );
    });

    it('is pruned when it does not run', async () => {
      await daemon.ok('create', '--name', 'dust', '-l', 'prune=me', 'busybox', 'true');
      assert.match(
        await daemon.ok('container', 'prune', '-f', '--filter', 'label=prune=me'),
        /Deleted Containers:/,
      );
      assert.equal((await daemon.docker('inspect', 'dust')).code, 1);
    });
  });
