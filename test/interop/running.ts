import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { copy, Tools } from './tools.ts';

const dockerfile = `FROM busybox
RUN adduser -D -u 1234 app 2>/dev/null || echo app:x:1234:1234::/home:/bin/sh >>/etc/passwd
ENV GREETING="hello there" EMPTY=
WORKDIR /workplace/here
USER app
EXPOSE 8080/tcp
VOLUME /data
LABEL a=b
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=7s --retries=2 CMD test -e /etc/passwd
ENTRYPOINT ["sh", "-c", "echo $GREETING,$EMPTY,$(pwd),$(id -u),$0,$*"]
CMD ["zero", "one two"]
`;
const says = 'hello there,,/workplace/here,1234,zero,one two';

describe('images run where they were not built', () => {
  let daemon: TestDaemon;
  let tools: Tools;
  let folder: string;
  before(async () => {
    daemon = await startDaemon();
    tools = new Tools(daemon.folder);
    await daemon.loadBusybox();
    await daemon.ok('save', '-o', join(daemon.folder, 'base.tar'), 'busybox');
    await copy(
      `docker-archive:${join(daemon.folder, 'base.tar')}`,
      tools.stored('docker.io/library/busybox:latest'),
    );
    folder = await mkdtemp(join(daemon.folder, 'context-'));
    await writeFile(join(folder, 'Dockerfile'), dockerfile);
  });
  after(async () => {
    await tools[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  const health = '{{json .Config.Healthcheck}}';
  const config =
    '{{.Config.User}} {{.Config.WorkingDir}} {{json .Config.Volumes}} {{json .Config.ExposedPorts}} {{.Config.Labels.a}} {{.Config.StopSignal}}';

  it("Berth's under Podman, with all that their config says", async () => {
    await daemon.ok('build', '-t', 'by-berth', folder, { environment: { DOCKER_BUILDKIT: '0' } });
    assert.equal(await daemon.ok('run', '--rm', '--network', 'none', 'by-berth'), says);
    const name = 'docker.io/library/by-berth:latest';
    await copy('docker-daemon:by-berth:latest', tools.stored(name), '--src-daemon-host', daemon.host);
    assert.equal((await tools.runs(name)).trim(), says);
    assert.equal(
      (await tools.runs('-u', '0', '-w', '/', '-e', 'EMPTY=no', name, 'other')).trim(),
      'hello there,no,/,0,other,',
    );
    assert.equal(
      (await tools.podman('image', 'inspect', '-f', config, name)).trim(),
      await daemon.ok('image', 'inspect', '-f', config, 'by-berth'),
    );
    const shown = await tools.podman('image', 'inspect', '-f', '{{json .HealthCheck}}', name);
    assert.equal(shown.trim(), await daemon.ok('image', 'inspect', '-f', health, 'by-berth'));
    const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];
    // Without systemd nothing runs the check by itself.
    await tools.podman(
      'run',
      '-d',
      '--name',
      'checked',
      '--network',
      'none',
      '--health-interval',
      'disable',
      ...limits,
      '--entrypoint',
      '["sleep","600"]',
      name,
    );
    assert.equal((await tools.try('podman', 'healthcheck', 'run', 'checked')).code, 0);
  });

  for (const format of ['docker', 'oci'])
    it(`those of buildah and podman under Berth, in the format ${format}`, async () => {
      const flags = ['--isolation', 'oci', '--network', 'host', '--pull=never', '--format', format];
      for (const program of ['buildah', 'podman'] as const) {
        const name = `docker.io/library/by-${program}:${format}`;
        const { code, stderr } = await tools.try(program, 'build', ...flags, '-t', name, folder);
        assert.equal(code, 0, stderr);
        await copy(
          tools.stored(name),
          `docker-daemon:by-${program}:${format}`,
          '--dest-daemon-host',
          daemon.host,
        );
        const image = `by-${program}:${format}`;
        assert.equal(await daemon.ok('run', '--rm', '--network', 'none', image), says);
        assert.equal(
          await daemon.ok('image', 'inspect', '-f', config, image),
          (await tools.podman('image', 'inspect', '-f', config, name)).trim(),
        );
        if (format === 'oci') continue; // That has no health checks.
        assert.match(
          await daemon.ok('image', 'inspect', '-f', health, image),
          /"Interval":7000000000.*"Retries":2/,
        );
        await daemon.ok(
          'run',
          '-d',
          '--name',
          program,
          '--network',
          'none',
          '--health-interval',
          '300ms',
          '--entrypoint',
          'sleep',
          image,
          '600',
        );
        const healthy = daemon.open(
          'GET',
          `/events?filters=${encodeURIComponent(JSON.stringify({ container: [program], event: ['health_status: healthy'] }))}&since=0`,
        );
        await once(await healthy, 'data');
        (await healthy).destroy();
        assert.equal(await daemon.ok('inspect', '-f', '{{.State.Health.Status}}', program), 'healthy');
      }
    });
});
