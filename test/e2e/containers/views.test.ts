import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

describe('the views of containers', () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
    await daemon.ok(
      'run',
      '-d',
      '--name',
      'one',
      '-l',
      'g=1',
      '-p',
      '127.0.0.1::80',
      'busybox',
      'sleep',
      '600',
    );
    await daemon.ok(
      'create',
      '--name',
      'two',
      '-l',
      'g=1',
      '--restart',
      'unless-stopped',
      '-v',
      '/v',
      'busybox',
      'true',
    );
  });
  after(() => daemon[Symbol.asyncDispose]());

  const names = (...filters: string[]): Promise<string> =>
    daemon.ok('ps', '--format', '{{.Names}}', ...filters.flatMap((filter) => ['-f', filter]));

  it('list what runs, or all, as filters say', async () => {
    assert.equal(await names(), 'one');
    assert.equal(await names('label=g=1', 'status=created'), 'two');
    assert.equal(await daemon.ok('ps', '-a', '-n', '1', '--format', '{{.Names}}'), 'two');
    assert.equal(await names('ancestor=busybox', 'name=^/one$'), 'one');
    const refused = await daemon.docker('ps', '-f', 'bogus=1');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /invalid filter 'bogus'/);
  });

  it('an ancestor is an image that another was built upon, not one that has the same layers', async () => {
    const build = (name: string, lines: string): Promise<string> =>
      daemon.ok('build', '-q', '-t', name, '-', { environment: { DOCKER_BUILDKIT: '0' }, input: lines });
    await build('old', 'FROM busybox\nENV A=1\n');
    await build('young', 'FROM old\nENV B=1\n');
    for (const image of ['old', 'young']) await daemon.ok('create', '--name', `of-${image}`, image, 'true');
    assert.equal(await names('ancestor=old', 'status=created'), 'of-young\nof-old');
    assert.equal(await names('ancestor=young', 'status=created'), 'of-young');
    await daemon.ok('rm', 'of-old', 'of-young');
    await daemon.ok('rmi', 'young', 'old');
  });

  it('what has nothing to list is shown as Docker shows it', async () => {
    await daemon.ok('volume', 'create', 'plain');
    assert.equal(await daemon.ok('volume', 'inspect', '-f', '{{json .Labels}}', 'plain'), 'null');
    assert.equal(await daemon.ok('network', 'inspect', '-f', '{{json .IPAM.Config}}', 'host'), 'null');
    const names = '{{json .NetworkSettings.Networks.bridge.DNSNames}}';
    assert.equal(await daemon.ok('inspect', '-f', names, 'one'), 'null');
  });

  it('show state, addresses and published ports', async () => {
    assert.match(
      await daemon.ok('ps', '--format', '{{.Status}} {{.Ports}}'),
      /^Up .* 127\.0\.0\.1:\d+->80\/tcp$/,
    );
    const shown = await daemon.ok(
      'inspect',
      '-f',
      '{{.State.Running}} {{.State.Pid}} {{.NetworkSettings.Networks.bridge.IPAddress}}',
      'one',
    );
    assert.match(shown, /^true [1-9]\d* \d+\.\d+\.\d+\.\d+$/);
    const host = await daemon.ok(
      'inspect',
      '-f',
      '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.NetworkMode}} {{.Path}} {{json .Args}} {{(index .Mounts 0).Destination}}',
      'two',
    );
    assert.equal(host, 'unless-stopped bridge true [] /v');
  });

  it('count what containers wrote', async () => {
    await daemon.ok('exec', 'one', 'sh', '-c', 'head -c 100000 /dev/zero > /big');
    const { json } = await daemon.api('GET', '/containers/one/json?size=1');
    assert.ok(json !== null && typeof json === 'object' && 'SizeRw' in json && 'SizeRootFs' in json);
    assert.ok(Number(json.SizeRw) >= 100_000 && Number(json.SizeRootFs) > Number(json.SizeRw));
  });

  it('tell processes and usage', async () => {
    assert.match(await daemon.ok('top', 'one'), /sleep 600/);
    assert.match(await daemon.ok('top', 'one', '-o', 'pid,cmd'), /^PID +CMD\n\d+ +sleep 600$/);
    const usage = await daemon.ok(
      'stats',
      '--no-stream',
      '--format',
      '{{.Name}} {{.MemUsage}} {{.PIDs}}',
      'one',
    );
    assert.match(usage, /^one [\d.]+[KM]iB \/ [\d.]+[GM]iB 1$/);
    assert.equal((await daemon.docker('top', 'two')).code, 1);
  });

  it('name what is wrong with a request', async () => {
    const answer = async (path: string, body?: unknown) => {
      const { status, text } = await daemon.api('POST', path, body);
      return `${status} ${text}`;
    };
    assert.match(
      await answer('/containers/create?name=a/b', { Image: 'busybox' }),
      /^400 .*Invalid container name \(a\/b\)/,
    );
    assert.match(
      await answer('/containers/create', { Image: 'nosuch' }),
      /^404 .*No such image: nosuch:latest/,
    );
    assert.match(await answer('/containers/create', { Image: 'busybox', Env: 'text' }), /^400 .*Env/);
    assert.match(
      await answer('/containers/create', { Image: 'busybox', HostConfig: { NetworkMode: 'nosuch' } }),
      /^400 .*network nosuch not found/,
    );
    assert.match(
      await answer('/containers/create', { Image: 'busybox', HostConfig: { LogConfig: { Type: 'odd' } } }),
      /^400 .*error looking up logging plugin odd/,
    );
    assert.match(
      await answer('/containers/create', { Image: 'busybox', Bogus: 1 }),
      /^201 .*field Bogus is not known/,
    );
    assert.match(await answer('/containers/one/kill?signal=NOPE'), /^400 .*invalid signal: NOPE/);
    assert.match(await answer('/containers/nosuch/start'), /^404 .*No such container: nosuch/);
  });
});
