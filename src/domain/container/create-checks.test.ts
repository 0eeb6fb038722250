import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { extraHosts, hostsFile, ownEntry, parseLink } from './hosts-file.ts';
import { completeHostConfig } from './host-config.ts';
import { parseName, randomName } from './names.ts';
import { cleanPath } from './paths.ts';
import { normalPort, wantedPorts } from './port-bindings.ts';
import { parseSignal } from './signals.ts';
import { humanDuration, statusText } from './status-text.ts';
import { newState } from './state.ts';
import { validateRequest } from './validate.ts';

const mb = 1024 * 1024;

describe('a create request', () => {
  const refused: [Parameters<typeof validateRequest>[0], Parameters<typeof validateRequest>[1], RegExp][] = [
    [{}, { Memory: 6 * mb - 1 }, /Minimum memory limit allowed is 6MB/],
    [{}, { MemorySwap: 32 * mb }, /always set the Memory limit/],
    [{}, { Memory: 32 * mb, MemorySwap: 16 * mb }, /memoryswap limit should be larger/],
    [{}, { NanoCpus: 1, CpuQuota: 5000 }, /Nano CPUs and CPU Quota/],
    [{ WorkingDir: 'here' }, {}, /working directory 'here' is invalid/],
    [{ StopSignal: 'SIGNOTHING' }, {}, /invalid signal: SIGNOTHING/],
    [{ Hostname: 'x' }, { NetworkMode: 'container:y' }, /conflicting options: hostname and the network mode/],
    [
      {},
      { NetworkMode: 'container:y', PublishAllPorts: true },
      /port publishing and the container type network/,
    ],
    [{ Env: ['=x'] }, {}, /invalid environment variable/],
    [{}, { PortBindings: { '80/xyz': [] } }, /unknown protocol/],
    [{ Healthcheck: { Interval: 10 } }, {}, /Interval in Healthcheck cannot be less than 1ms/],
  ];
  for (const [config, host, message] of refused)
    it(`is refused: ${message.source}`, () =>
      assert.throws(() => validateRequest(config, host), { kind: 'invalid', message }));

  it('may have limits that make sense', () => {
    assert.deepEqual(validateRequest({}, { Memory: 6 * mb, NanoCpus: 500_000_000 }), []);
  });

  it('is told that the host network publishes nothing', () => {
    const [warning] = validateRequest({}, { NetworkMode: 'host', PortBindings: { '80/tcp': [] } });
    assert.match(warning ?? '', /Published ports are discarded/);
  });

  it('gets the defaults that Docker shows', () => {
    const full = completeHostConfig(
      { NetworkMode: 'default', Memory: 10 },
      { cgroupVersion: 1, runtime: 'crun' },
    );
    assert.equal(full.NetworkMode, 'bridge');
    assert.equal(full.MemorySwap, 20);
    assert.equal(full.CgroupnsMode, 'host');
    assert.equal(full.ShmSize, 64 * mb);
    assert.deepEqual(full.RestartPolicy, { Name: 'no', MaximumRetryCount: 0 });
    assert.equal(
      completeHostConfig({ Privileged: true }, { cgroupVersion: 2, runtime: 'crun' }).MaskedPaths,
      null,
    );
  });
});

describe('names of containers', () => {
  it('are taken with or without their slash', () => {
    assert.equal(parseName('/web-1'), 'web-1');
    for (const bad of ['', '/', 'x', '-x', 'a b', 'ä1'])
      assert.throws(() => parseName(bad), { kind: 'invalid', message: /Invalid container name/ }, bad);
  });

  it('are made of two words when nobody gives one', () => {
    assert.match(
      randomName((below) => below - 1),
      /^[a-z]+_[a-z]+$/,
    );
    assert.doesNotThrow(() => parseName(randomName(() => 0)));
  });
});

describe('signals', () => {
  it('are read as Docker writes them', () => {
    assert.deepEqual(['9', 'kill', 'SIGTERM', 'SIGRTMIN+3', 'RTMAX-1'].map(parseSignal), [9, 9, 15, 37, 63]);
    for (const bad of ['0', 'NOPE', 'RTMIN+99', '']) assert.throws(() => parseSignal(bad), /invalid signal/);
    assert.throws(() => parseSignal('65'), /the linux daemon does not support signal 65/);
  });
});

describe('published ports', () => {
  it('come from bindings, ranges and all exposed ports', () => {
    const wanted = wantedPorts(
      { ExposedPorts: { '80/tcp': {}, '53/udp': {} } },
      {
        PortBindings: { '80/tcp': [{ HostPort: '8000-8010' }, { HostIp: '127.0.0.1' }] },
        PublishAllPorts: true,
      },
    );
    assert.deepEqual(wanted, [
      { container: '80/tcp', hostIp: '', first: 8000, last: 8010 },
      { container: '80/tcp', hostIp: '127.0.0.1', first: 0, last: 0 },
      { container: '53/udp', hostIp: '', first: 0, last: 0 },
    ]);
    assert.equal(normalPort('80'), '80/tcp');
    assert.throws(() => normalPort('99999/tcp'), /0 to 65535/);
  });
});

describe('/etc/hosts', () => {
  it('has extra hosts, links and the container itself', () => {
    const text = hostsFile([
      ...extraHosts(['a.b:10.0.0.9', 'gw=host-gateway', 'six:::1'], '172.17.0.1'),
      ownEntry('10.0.0.2', 'web', 'x.org'),
    ]);
    assert.match(text, /^127\.0\.0\.1\tlocalhost$/m);
    assert.match(text, /^10\.0\.0\.9\ta\.b$/m);
    assert.match(text, /^172\.17\.0\.1\tgw$/m);
    assert.match(text, /^::1\tsix$/m);
    assert.match(text, /^10\.0\.0\.2\tweb\.x\.org web$/m);
    assert.deepEqual(parseLink('/db:/web/alias'), { container: 'db', alias: 'alias' });
    assert.throws(() => extraHosts(['nothing'], ''), /bad format for add-host/);
    assert.throws(() => extraHosts(['db:odd'], ''), /invalid IP address in add-host: "odd"/);
  });
});

describe('the status text', () => {
  it('tells how long and how healthy', () => {
    const now = Date.parse('2026-01-01T00:10:00Z');
    const state = { ...newState(), startedAt: '2026-01-01T00:09:57Z', finishedAt: '2026-01-01T00:08:00Z' };
    const health = { status: 'healthy', failingStreak: 0, log: [] } as const;
    assert.equal(
      statusText({ ...state, status: 'running', health: { ...health, log: [] } }, now),
      'Up 3 seconds (healthy)',
    );
    assert.equal(statusText({ ...state, status: 'paused' }, now), 'Up 3 seconds (Paused)');
    assert.equal(statusText({ ...state, status: 'exited', exitCode: 3 }, now), 'Exited (3) 2 minutes ago');
    assert.equal(statusText(newState(), now), 'Created');
  });

  it('says durations in words', () => {
    const of = [500, 1000, 59_000, 60_000, 3_600_000, 7_200_000, 86_400_000 * 3, 86_400_000 * 20];
    assert.deepEqual(of.map(humanDuration), [
      'Less than a second',
      '1 second',
      '59 seconds',
      'About a minute',
      'About an hour',
      '2 hours',
      '3 days',
      '2 weeks',
    ]);
  });
});

describe('paths', () => {
  it('never lead above the root', () => {
    assert.deepEqual(['/a/../../b/', '//x/./y', '/'].map(cleanPath), ['/b', '/x/y', '/']);
  });
});
