import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { Peer } from '../../support/peer.ts';
import { callTcp, callUdp } from '../../support/peer-worker.ts';

const SERVE = ['nc', '-ll', '-p', '80', '-e', 'echo', 'hello'];
const GREETING = 'hello\n';

describe('docker network', () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(() => daemon[Symbol.asyncDispose]());

  const ok = (...words: string[]): Promise<string> => daemon.ok(...words);
  const serve = (name: string, ...options: string[]): Promise<string> =>
    ok('run', '-d', '--name', name, ...options, 'busybox', ...SERVE);
  const refused = async (words: RegExp, ...args: string[]): Promise<void> => {
    const { code, stderr } = await daemon.docker(...args);
    assert.notEqual(code, 0);
    assert.match(stderr, words);
  };
  /** What a new container in the network gets from a host's port 80; '' when it cannot. */
  const fetch = async (network: string, host: string): Promise<string> => {
    const call = `nc -w 2 ${host} 80`;
    return (await daemon.docker('run', '--rm', '--network', network, 'busybox', 'sh', '-c', call)).stdout;
  };

  /** The first three bytes of a subnet that no daemon of another run has. */
  const ownSubnet = (): string => {
    const number = Number.parseInt(daemon.instance.id, 16);
    return `10.${64 + (number % 32)}.${(number >> 5) % 256}`;
  };

  it('joins containers by name, alias and static address, and keeps other networks away', async () => {
    const address = `${ownSubnet()}.9`;
    await ok('network', 'create', '--subnet', `${ownSubnet()}.0/24`, 'front');
    await ok('network', 'create', 'back');
    await serve('web', '--network', 'front', '--ip', address, '--network-alias', 'www');
    assert.equal(await fetch('front', 'web'), GREETING);
    assert.equal(await fetch('front', 'www'), GREETING);
    assert.equal(await fetch('front', address), GREETING);
    assert.equal(await fetch('back', address), '');
    await ok('network', 'connect', '--alias', 'inner', 'back', 'web');
    assert.equal(await fetch('back', 'inner'), GREETING);
    const seen = await ok('network', 'inspect', '-f', '{{range .Containers}}{{.Name}}{{end}}', 'back');
    assert.equal(seen, 'web');
    await refused(
      /network \w+ has active endpoints \(name:"\w+" id:"[0-9a-f]{12}"\)/,
      'network',
      'rm',
      'back',
    );
    await ok('network', 'disconnect', 'back', 'web');
    await ok('network', 'rm', 'back');
    await ok('rm', '-f', 'web');
    await ok('network', 'rm', 'front');
  });

  it('publishes ports, says who has a taken one, and frees them with the container', async () => {
    await serve('one', '-p', '127.0.0.1::80', '-p', '18080-18089:81/udp');
    const [tcp = '', udp = ''] = (await ok('port', 'one')).split('\n').sort();
    assert.match(tcp, /^80\/tcp -> 127\.0\.0\.1:\d+$/);
    assert.match(udp, /^81\/udp -> 0\.0\.0\.0:1808\d$/);
    const port = Number(tcp.split(':').at(-1));
    assert.equal(await callTcp('127.0.0.1', port), GREETING);
    await refused(
      /port is already allocated/,
      'run',
      '--rm',
      '-p',
      `127.0.0.1:${port}:80`,
      'busybox',
      'true',
    );
    await ok('rm', '-f', 'one');
    assert.equal(await callTcp('127.0.0.1', port), 'ECONNREFUSED');
    await ok('run', '--rm', '-p', `127.0.0.1:${port}:80`, 'busybox', 'true');
  });

  it('answers over UDP on a published port', async () => {
    const id = await ok('run', '-d', '--name', 'echo', '-p', '127.0.0.1::53/udp', 'busybox', 'sleep', '600');
    const port = Number((await ok('port', 'echo')).split(':').at(-1));
    // Busybox has no UDP server: a thread of the test serves in the container's network.
    await using peer = await Peer.in(join(daemon.run, 'netns', id));
    await peer.serveUdp(53);
    const answer = await callUdp({ do: 'udp', host: '127.0.0.1', port, message: 'ping', patience: 2000 });
    assert.match(answer, /^udp [\d.]+ ping$/);
    await ok('rm', '-f', 'echo');
  });

  it('keeps published ports and names through kill -9 of the daemon', async () => {
    await ok('network', 'create', 'kept');
    await serve('stay', '--network', 'kept', '-p', '127.0.0.1::80');
    const port = Number((await ok('port', 'stay')).split(':').at(-1));
    await daemon.kill9();
    const meanwhile = await callTcp('127.0.0.1', port);
    await daemon.start();
    assert.equal(meanwhile, GREETING);
    assert.equal(await callTcp('127.0.0.1', port), GREETING);
    assert.equal(await fetch('kept', 'stay'), GREETING);
    await ok('rm', '-f', 'stay');
    await ok('network', 'rm', 'kept');
  });

  it('gives an internal network no way out, host mode the host’s network, none nothing', async () => {
    await ok('network', 'create', '--internal', 'closed');
    const routes = (network: string): Promise<string> =>
      ok('run', '--rm', '--network', network, 'busybox', 'ip', 'route');
    assert.doesNotMatch(await routes('closed'), /default/);
    assert.match(await routes('bridge'), /^default via /);
    assert.equal(await routes('none'), '');
    const links = await ok('run', '--rm', '--network', 'host', 'busybox', 'ip', '-o', 'link');
    assert.ok(links.includes(daemon.instance.linkPrefix));
    await ok('network', 'rm', 'closed');
  });

  it('joins containers to macvlan networks, by their own links', async () => {
    const subnet = ['--subnet', '10.213.7.0/24', '--gateway', '10.213.7.1'];
    await ok('network', 'create', '-d', 'macvlan', '--internal', ...subnet, 'inner');
    const options = ['--network', 'inner', '--ip', '10.213.7.9', '--mac-address', '02:00:00:00:07:09'];
    await ok('run', '-d', '--name', 'fixed', ...options, 'busybox', 'httpd', '-f', '-p', '80', '-h', '/etc');
    assert.match(await ok('exec', 'fixed', 'ip', 'link', 'show', 'eth0'), /02:00:00:00:07:09/);
    assert.match(await ok('exec', 'fixed', 'ip', 'addr', 'show', 'eth0'), /inet 10\.213\.7\.9\/24/);
    assert.doesNotMatch(await ok('exec', 'fixed', 'ip', 'route'), /default/);
    const fetched = await ok(
      'run',
      '--rm',
      '--network',
      'inner',
      'busybox',
      'wget',
      '-qO-',
      '10.213.7.9/hostname',
    );
    assert.match(fetched, /^[0-9a-f]{12}$/);
    await daemon.restart();
    await ok('run', '-d', '--name', 'joined', 'busybox', 'sleep', '600');
    await ok('network', 'connect', 'inner', 'joined');
    assert.match(await ok('exec', 'joined', 'wget', '-qO-', '10.213.7.9/hostname'), /^[0-9a-f]{12}$/);
    await ok('network', 'disconnect', 'inner', 'joined');
    assert.doesNotMatch(await ok('exec', 'joined', 'ip', 'link'), /eth1/);
    await ok('rm', '-f', 'fixed', 'joined');
    await ok('network', 'rm', 'inner');
    const nowhere = ['network', 'create', '-d', 'macvlan', '-o', 'parent=nosuch.5000', 'odd'];
    await refused(/vlan id must be between 1-4094, received: 5000/, ...nowhere);
  });

  it('joins none and host to nothing else, as Docker does', async () => {
    const sleeping = ['busybox', 'sleep', '600'];
    for (const network of ['bridge', 'none', 'host'])
      await ok('run', '-d', '--name', `on-${network}`, '--network', network, ...sleeping);
    await ok('network', 'create', 'more');
    const hostOnly =
      /cannot (disconnect container from|connect container to) host network - container (was|must be) created/;
    const noneOnly =
      /container cannot be connected to multiple networks with one of the networks in private \(none\) mode/;
    const shared = /container sharing network namespace with another container or host cannot be connected/;
    await refused(hostOnly, 'network', 'connect', 'host', 'on-bridge');
    await refused(hostOnly, 'network', 'disconnect', 'host', 'on-host');
    await refused(noneOnly, 'network', 'connect', 'none', 'on-bridge');
    await refused(noneOnly, 'network', 'connect', 'more', 'on-none');
    await refused(shared, 'network', 'connect', 'more', 'on-host');
    await ok('network', 'disconnect', 'none', 'on-none');
    await ok('network', 'connect', 'more', 'on-none');
    assert.match(await ok('exec', 'on-none', 'ip', 'route'), /^default via /);
    await ok('rm', '-f', 'on-bridge', 'on-none', 'on-host');
    await ok('network', 'rm', 'more');
  });

  it('tells each step as an event', async () => {
    const since = String(Date.now() / 1000);
    await ok('network', 'create', 'told');
    await ok('run', '--rm', '--network', 'told', 'busybox', 'true');
    await ok('network', 'rm', 'told');
    const until = String(Date.now() / 1000 + 1);
    const format = '{{.Action}} {{.Actor.Attributes.name}}';
    const filter = ['--filter', 'type=network', '--format', format];
    const events = await ok('events', '--since', since, '--until', until, ...filter);
    assert.deepEqual(events.split('\n'), ['create told', 'connect told', 'disconnect told', 'destroy told']);
  });

  it('refuses in Docker’s words', async () => {
    await refused(/network nosuch not found/, 'run', '--rm', '--network', 'nosuch', 'busybox', 'true');
    await refused(/is a pre-defined network and cannot be removed/, 'network', 'rm', 'bridge');
    await ok('network', 'create', 'own');
    const elsewhere = ['--network', 'own', '--ip', '10.1.1.1'];
    await refused(
      /no configured subnet or ip-range contain the IP address 10\.1\.1\.1/,
      'create',
      ...elsewhere,
      'busybox',
    );
    await refused(/network with name own already exists/, 'network', 'create', 'own');
    await ok('network', 'rm', 'own');
    assert.equal(await ok('network', 'ls', '--filter', 'type=custom', '-q'), '');
  });
});
