import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { optionCases } from '../../support/option-cases.ts';

// Subnets of no daemon of another run: by the process id.
const third = process.pid % 256;
const subnet = `10.${96 + (Math.floor(process.pid / 256) % 16)}.${third}`;
const subnet6 = `fd00:be:${process.pid.toString(16)}`;

describe('options for the network', { concurrency: 2 }, () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
    const create = (...words: string[]): Promise<string> => daemon.ok('network', 'create', ...words);
    await create('--subnet', `${subnet}.0/25`, '--ipv6', '--subnet', `${subnet6}::/64`, 'six');
    await create('--subnet', `${subnet}.128/25`, 'other');
    await create('--internal', 'closed');
    const peer = ['--expose', '80', '--expose', '53/udp', '-e', 'MODE=on', '--hostname', 'peer-host'];
    await daemon.ok('run', '-d', '--name', 'peer', ...peer, 'busybox', 'sleep', '600');
    await daemon.ok('run', '-d', '--name', 'named', '--network', 'six', 'busybox', 'sleep', '600');
    await daemon.ok('create', '--name', 'stopped', 'busybox');
  });
  after(() => daemon[Symbol.asyncDispose]());

  const mac = '02:42:ac:11:00:7b';
  const ownMac = 'cat /sys/class/net/eth0/address';
  describe('addresses and names', { concurrency: 2 }, () => {
    optionCases(
      () => daemon,
      [
        {
          options: `--network six --ip ${subnet}.9`,
          run: 'hostname -i',
          shows: new RegExp(`\\b${subnet}\\.9\\b`),
        },
        {
          options: `--network six --ip6 ${subnet6}::9`,
          run: 'ip -6 address show eth0',
          shows: new RegExp(`${subnet6}::9/64`),
        },
        { options: '--network six', run: 'ip -6 route', shows: /default via fd00:be:/ },
        {
          options: '--network six',
          run: `ping -6 -c1 -W2 ${subnet6}::1 | grep -c '1 packets received'`,
          shows: '1',
        },
        {
          options: `--network bridge --ip ${subnet}.9`,
          code: 125,
          says: /user specified IP address is supported on user defined networks only/,
        },
        {
          options: '--network six --ip 9.9.9.9',
          code: 125,
          says: /invalid config for network six: invalid endpoint settings:\nno configured subnet or ip-range contain the IP address 9\.9\.9\.9\n/,
        },
        {
          options: '--network six --link-local-ip 169.254.1.1',
          code: 125,
          says: /link-local addresses .* not supported/,
        },
        { options: `--network bridge --mac-address ${mac}`, run: ownMac, shows: mac },
        {
          options: '--network bridge --mac-address odd',
          code: 125,
          says: /not a valid mac address|invalid MAC/i,
        },
        { options: '--network none --mac-address 02:42:ac:11:00:7b', run: 'ls /sys/class/net', shows: 'lo' },
        { options: '--network six --network-alias www', run: 'nslookup www | grep -c Name', shows: /^[12]$/ },
        {
          options: '--network bridge --network-alias www',
          code: 125,
          says: /only supported for user-defined networks/,
        },
        { options: '--network nosuch', code: 125, says: /network nosuch not found/ },
        {
          options: '--network bridge --hostname web --domainname x.org',
          run: 'tail -1 /etc/hosts | cut -f2',
          shows: 'web.x.org web',
        },
      ],
    );
  });

  describe('several networks', { concurrency: 2 }, () => {
    optionCases(
      () => daemon,
      [
        {
          options: `--network name=six,ip=${subnet}.20,alias=one --network name=other,ip=${subnet}.200,mac-address=${mac}`,
          run: `ip -o -4 address | grep -oE '${subnet}[.0-9]+/25 ' ; cat /sys/class/net/eth1/address; ip route | grep ^default`,
          shows: new RegExp(
            `^${subnet}\\.20/25 \\n${subnet}\\.200/25 \\n${mac}\\ndefault via ${subnet}\\.1 dev eth0`,
          ),
        },
        {
          options: '--network name=six --network name=other,gw-priority=5',
          run: 'ip route | grep ^default',
          shows: new RegExp(`via ${subnet}\\.129 dev eth1`),
        },
        { options: '--network closed --network six', run: 'ip route | grep ^default', shows: /dev eth1/ },
        { options: '--network closed', run: 'ip route | grep -c ^default', code: 1, shows: '0' },
        {
          options:
            '--network name=six,driver-opt=com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.log_martians=1',
          run: 'cat /proc/sys/net/ipv4/conf/eth0/log_martians',
          shows: '1',
        },
        {
          options: '--network name=six,driver-opt=com.docker.network.endpoint.ifname=lan7',
          run: 'ls /sys/class/net',
          shows: 'lan7\nlo',
        },
        {
          options:
            '--network name=six,driver-opt=com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.nosuch=1',
          code: 125,
          says: /failed to set sysctl net.ipv4.conf.eth0.nosuch to '1': ENOENT/,
        },
        {
          options: '--network name=six,driver-opt=com.docker.network.endpoint.sysctls=net.ipv4.conf.eth0.x=1',
          code: 125,
          says: /unrecognised network interface sysctl/,
        },
        { options: '--network host --network six', code: 125, says: /cannot attach both/ },
        { options: '--network container:nosuch', code: 125, says: /No such container: nosuch/ },
        {
          options: '--network host -p 80:80',
          says: /Published ports are discarded when using host network mode/,
        },
      ],
    );

    it('refuses drivers that are not there by name', async () => {
      const { code, stderr } = await daemon.docker('network', 'create', '-d', 'overlay', 'odd');
      assert.equal(code, 1);
      assert.match(stderr, /the network driver 'overlay' is not supported/);
    });
  });

  describe('names of others', { concurrency: 2 }, () => {
    optionCases(
      () => daemon,
      [
        {
          options: '--dns 9.9.9.9 --dns-search x.org --dns-option ndots:3 --network bridge',
          run: 'cat /etc/resolv.conf',
          shows: 'nameserver 9.9.9.9\nsearch x.org\noptions ndots:3',
        },
        {
          options: '--dns-search . --network six',
          run: 'grep -c search /etc/resolv.conf',
          code: 1,
          shows: '0',
        },
        { options: '--dns odd', code: 125, says: /invalid|not an ip address/i },
        {
          options: '--add-host db:10.9.8.7 --add-host six:::1',
          run: 'tail -n 3 /etc/hosts | head -2',
          shows: '10.9.8.7\tdb\n::1\tsix',
        },
        {
          options: '--add-host up:host-gateway --network six',
          run: 'grep up$ /etc/hosts',
          shows: /^[\d.]+\tup$/,
        },
        { options: '--add-host odd', code: 125, says: /bad format for add-host/ },
        {
          options: '--link peer:my-db --network bridge',
          run: 'env | grep ^MY_DB | sort | sed "s/172[.0-9]*/IP/"; grep -c "my-db peer-host peer" /etc/hosts',
          shows:
            /^MY_DB_ENV_MODE=on\nMY_DB_NAME=\/\w+\/my-db\nMY_DB_PORT=udp:\/\/[^]*MY_DB_PORT_80_TCP=tcp:\/\/[^]*\n1$/,
        },
        {
          options: '--link nosuch:x --network bridge',
          code: 125,
          says: /could not get container for nosuch/,
        },
        {
          options: '--link stopped:x --network bridge',
          code: 125,
          says: /Cannot link to a non running container: \/stopped AS \/\w+\/x/,
        },
        {
          options: '--link named:other --network six',
          run: 'nslookup other | grep -c Name',
          shows: /^[12]$/,
        },
        {
          options: '--link peer --network host',
          code: 125,
          says: /host type networking can't be used with links/,
        },
      ],
    );

    it('is taken off again by rm --link, and with it its line in the hosts file', async () => {
      await daemon.ok('run', '-d', '--name', 'linked', '--link', 'peer:db', 'busybox', 'sleep', '1000');
      assert.match(await daemon.ok('exec', 'linked', 'cat', '/etc/hosts'), /\tdb /);
      await daemon.ok('rm', '--link', 'linked/db');
      assert.doesNotMatch(await daemon.ok('exec', 'linked', 'cat', '/etc/hosts'), /\tdb /);
      assert.equal(await daemon.ok('inspect', '-f', '{{.HostConfig.Links}}', 'linked'), '[]');
      assert.match((await daemon.docker('rm', '--link', 'linked/db')).stderr, /No such link: \/linked\/db/);
      assert.match(await daemon.ok('ps', '--format', '{{.Names}}'), /peer/);
      await daemon.ok('rm', '-f', 'linked');
    });
  });

  describe('ports', () => {
    const published = async (...options: string[]): Promise<string> => {
      const id = await daemon.ok('run', '-d', ...options, 'busybox', 'sleep', '600');
      const ports = await daemon.ok('port', id);
      await daemon.ok('rm', '-f', id);
      return ports.split('\n').sort().join('\n');
    };

    it('are published one by one, as a range and all of them', async () => {
      assert.match(
        await published('-p', '127.0.0.1:28080-28081:80-81'),
        /^80\/tcp -> 127\.0\.0\.1:28080\n81\/tcp -> 127\.0\.0\.1:28081$/,
      );
      assert.match(
        await published('--expose', '90-91', '-P'),
        /^90\/tcp -> 0\.0\.0\.0:\d+\n(.*\n)*91\/tcp -> /,
      );
    });
  });
});
