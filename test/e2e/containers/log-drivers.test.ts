import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeCertificates } from '../../support/certificates.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { freePort } from '../../support/free-port.ts';
import { StreamReceiver, UdpReceiver, UnixDatagramReceiver } from '../../support/log-receivers.ts';

describe('log drivers that send logs away', { timeout: 120_000 }, () => {
  let daemon: TestDaemon;
  let folder: string;
  let journal: string;
  before(async () => {
    folder = await mkdtemp('/var/tmp/b-logs-');
    journal = join(folder, 'journal');
    const settings = join(folder, 'config.toml');
    await writeFile(settings, `[logs]\njournal = "${journal}"\n`);
    daemon = await startDaemon({ environment: { BERTH_CONFIG: settings } });
    await daemon.loadBusybox();
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const options = (driver: string, given: Record<string, string>): string[] => [
    ...['--network', 'none', '--log-driver', driver],
    ...Object.entries(given).flatMap(([key, value]) => ['--log-opt', `${key}=${value}`]),
  ];
  const run = (driver: string, given: Record<string, string>, ...words: string[]): Promise<string> =>
    daemon.ok('run', ...options(driver, given), ...words);

  it('syslog by UDP: both streams, and docker logs reads the copy', async () => {
    await using receiver = await UdpReceiver.listen();
    const address = `udp://127.0.0.1:${receiver.port}`;
    const given = { 'syslog-address': address, 'syslog-facility': 'local3', tag: '{{.Name}}/{{.ImageName}}' };
    await run('syslog', given, '--name', 'udp', 'busybox', 'sh', '-c', 'echo one; echo two >&2');
    await receiver.until(/<158>\w{3} [\d ]\d [\d:]{8} udp\/busybox\[\d+\]: one\n/);
    await receiver.until(/<155>.* udp\/busybox\[\d+\]: two\n/);
    const { stdout, stderr } = await daemon.docker('logs', 'udp');
    assert.deepEqual([stdout, stderr], ['one\n', 'two\n']);
  });

  it('syslog by TCP: all of it has arrived when a container with --rm is gone', async () => {
    await using receiver = await StreamReceiver.listen(0);
    const given = { 'syslog-address': `tcp://127.0.0.1:${receiver.port}`, 'syslog-format': 'rfc5424micro' };
    await run('syslog', given, '--rm', 'busybox', 'seq', '5000');
    await receiver.until(/ - 5000\n/);
    const numbers = [...receiver.text.matchAll(/ - (\d+)\n/g)].map((match) => match[1]);
    assert.deepEqual(
      numbers,
      Array.from({ length: 5000 }, (_, i) => String(i + 1)),
    );
    const heading = new RegExp(
      `^<30>1 \\d{4}-\\d\\d-\\d\\dT[\\d:]{8}\\.\\d{6}\\S+ ${hostname()} \\w{12} \\d+ \\w{12} - 1\n`,
    );
    assert.match(receiver.text, heading);
  });

  it('syslog by TLS with a certificate, each message with its length', async () => {
    const certificates = join(folder, 'tls');
    await makeCertificates(certificates);
    const pem = (name: string): Promise<string> => readFile(join(certificates, name), 'utf8');
    await using receiver = await StreamReceiver.listen(0, {
      ca: await pem('ca.pem'),
      cert: await pem('server.pem'),
      key: await pem('server-key.pem'),
      requestCert: true,
      rejectUnauthorized: true,
    });
    const given = { 'syslog-address': `tcp+tls://127.0.0.1:${receiver.port}`, 'syslog-format': 'rfc5424' };
    const refused = await daemon.docker('run', '--rm', ...options('syslog', given), 'busybox', 'true');
    assert.equal(refused.code, 125);
    assert.match(
      refused.stderr,
      /failed to initialize logging driver: dial tcp 127\.0\.0\.1:\d+: .*certificate/,
    );
    const files = {
      'syslog-tls-ca-cert': join(certificates, 'ca.pem'),
      'syslog-tls-cert': join(certificates, 'client.pem'),
      'syslog-tls-key': join(certificates, 'client-key.pem'),
    };
    await run('syslog', { ...given, ...files }, '--rm', 'busybox', 'echo', 'safe');
    const [whole, length = '', message = ''] = await receiver.until(/^(\d+) (<30>1 .* - safe\n)/);
    assert.equal(Number(length), message.length, whole);
  });

  it('syslog by unix sockets of both kinds', async () => {
    await using stream = await StreamReceiver.listen(join(folder, 'stream'));
    await using datagram = new UnixDatagramReceiver(join(folder, 'datagram'));
    for (const [address, receiver] of [
      [`unix://${folder}/stream`, stream],
      [`unix://${folder}/datagram`, datagram],
      [`unixgram://${folder}/datagram`, datagram],
    ] as const) {
      await run('syslog', { 'syslog-address': address }, '--rm', 'busybox', 'echo', address);
      await receiver.until(new RegExp(`\\]: ${address}\n`));
    }
  });

  it("journald by its native protocol, with Docker's fields", async () => {
    await using receiver = new UnixDatagramReceiver(journal);
    const given = { labels: 'role', env: 'MODE', tag: '{{.Name}}' };
    const words = ['--name', 'journal', '--label', 'role=front', '-e', 'MODE=fast', 'busybox'];
    const id = await run('journald', given, '-d', ...words, 'sh', '-c', 'echo hello; printf end >&2');
    await daemon.ok('wait', 'journal');
    const [text] = await receiver.until(/[^]*MESSAGE=hello\n[^]*MESSAGE=end\n/);
    for (const field of [
      `CONTAINER_ID=${id.slice(0, 12)}`,
      `CONTAINER_ID_FULL=${id}`,
      'CONTAINER_NAME=journal',
      'CONTAINER_TAG=journal',
      'SYSLOG_IDENTIFIER=journal',
      'IMAGE_NAME=busybox',
      'ROLE=front',
      'MODE=fast',
      'PRIORITY=6',
      'PRIORITY=3',
    ])
      assert.ok(text.split('\n').includes(field), `${field} is not in\n${text}`);
    assert.match((await daemon.docker('logs', 'journal')).stderr, /^end$/);
  });

  it('a container does not start whose receiver is not there', async () => {
    const { code, stderr } = await daemon.docker(
      'run',
      '--rm',
      ...options('journald', {}),
      'busybox',
      'true',
    );
    assert.equal(code, 125);
    assert.match(stderr, /failed to initialize logging driver: journald is not enabled on this host/);
  });

  it('a receiver that goes away gets what it missed when it is back, also after a kill -9 of the daemon', async () => {
    const port = await freePort();
    const first = await StreamReceiver.listen(port);
    const given = { 'syslog-address': `tcp://127.0.0.1:${port}` };
    const script = 'for i in $(seq 1 200); do echo line $i; sleep 0.01; done';
    await run('syslog', given, '-d', '--name', 'patient', 'busybox', 'sh', '-c', script);
    await first.until(/line 20\n/);
    await daemon.kill9();
    await first[Symbol.asyncDispose]();
    await daemon.start();
    await daemon.ok('wait', 'patient');
    await using second = await StreamReceiver.listen(port);
    await second.until(/line 200\n/);
    const received = [...`${first.text}${second.text}`.matchAll(/line (\d+)\n/g)].map((match) =>
      Number(match[1]),
    );
    const distinct = [...new Set(received)];
    assert.deepEqual(
      distinct,
      Array.from({ length: 200 }, (_, i) => i + 1),
    );
    await daemon.ok('rm', 'patient');
  });

  it('cache-disabled refuses docker logs; wrong options are refused with what is wrong', async () => {
    await using receiver = await UdpReceiver.listen();
    const address = `udp://127.0.0.1:${receiver.port}`;
    const given = { 'syslog-address': address, 'cache-disabled': 'true' };
    await run('syslog', given, '--name', 'uncached', 'busybox', 'echo', 'away');
    await receiver.until(/away\n/);
    assert.match((await daemon.docker('logs', 'uncached')).stderr, /does not support reading/);
    for (const [wrong, message] of [
      [{ 'syslog-address': 'nowhere' }, /syslog-address should be in form proto:\/\/address, got nowhere/],
      [{ 'syslog-facility': 'x' }, /invalid syslog facility/],
      [{ 'syslog-format': 'x' }, /Invalid syslog format/],
      [{ 'max-size': '1m' }, /unknown log opt 'max-size' for syslog log driver/],
    ] as const) {
      const { code, stderr } = await daemon.docker('create', ...options('syslog', wrong), 'busybox');
      assert.equal(code, 1);
      assert.match(stderr, message);
    }
  });
});
