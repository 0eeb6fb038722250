import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { syslogMessage, type SyslogLine } from './syslog-message.ts';
import { syslogAddress, syslogFacility, syslogFormat, type SyslogFormat } from './syslog-options.ts';

const line = (data: string, stream: SyslogLine['stream'] = 'stdout'): SyslogLine => ({
  stream,
  time: '2026-02-03T04:05:06.123456789Z',
  data: Buffer.from(data),
});
const origin = { hostName: 'host', processId: 7, zoneMinutes: () => 0 };
const message = (format: SyslogFormat, data = 'hi\n', counted = false, from = origin): string =>
  Buffer.from(syslogMessage(line(data), { format, facility: 3, tag: 'web', counted }, from)).toString();

describe('a message of syslog', () => {
  it("has the formats of Docker's driver", () => {
    assert.equal(message('unix'), '<30>Feb  3 04:05:06 web[7]: hi\n');
    assert.equal(message('rfc3164'), '<30>Feb  3 04:05:06 host web[7]: hi\n');
    assert.equal(message('rfc5424'), '<30>1 2026-02-03T04:05:06Z host web 7 web - hi\n');
    assert.equal(message('rfc5424micro'), '<30>1 2026-02-03T04:05:06.123456Z host web 7 web - hi\n');
  });

  it('ends with a newline, and says its length over TLS where the format has that', () => {
    assert.equal(message('rfc3164', 'part'), '<30>Feb  3 04:05:06 host web[7]: part\n');
    assert.equal(message('rfc5424', 'é\n', true), `47 <30>1 2026-02-03T04:05:06Z host web 7 web - é\n`);
    assert.equal(message('rfc3164', 'hi\n', true), message('rfc3164'));
  });

  it('has errors in stderr and the time of the zone of the host', () => {
    const shape = { format: 'unix', facility: 16, tag: 't', counted: false } as const;
    assert.match(Buffer.from(syslogMessage(line('x', 'stderr'), shape, origin)).toString(), /^<131>/);
    const east = { ...origin, zoneMinutes: () => 330 };
    assert.match(message('rfc5424', 'x', false, east), / 2026-02-03T09:35:06\+05:30 /);
    const west = { ...origin, zoneMinutes: () => -300 };
    assert.match(message('unix', 'x', false, west), />Feb {2}2 23:05:06 /);
  });
});

describe('options of syslog', () => {
  const address = (text: string, more: Record<string, string> = {}): unknown =>
    syslogAddress({ 'syslog-address': text, ...more });

  it('name where to send', () => {
    assert.deepEqual(syslogAddress({}), { transport: 'local' });
    assert.deepEqual(address('udp://10.0.0.1'), { transport: 'udp', host: '10.0.0.1', port: 514 });
    assert.deepEqual(address('tcp://[::1]:6514'), { transport: 'tcp', host: '::1', port: 6514 });
    assert.deepEqual(address('unix:///dev/log'), { transport: 'unix', path: '/dev/log' });
    assert.deepEqual(
      address('tcp+tls://logs:6514', { 'syslog-tls-ca-cert': '/ca', 'syslog-tls-skip-verify': 'false' }),
      { transport: 'tls', host: 'logs', port: 6514, tls: { ca: '/ca', skipVerify: true } },
    );
  });

  it('are refused with what is wrong', () => {
    assert.throws(() => address('logs:514'), /in form proto:\/\/address, got logs:514/);
    assert.throws(() => address('http://logs'), /in form proto:\/\/address/);
    assert.throws(() => address('udp://logs:99999'), /does not name a host/);
    assert.throws(() => address('unix://log'), /does not name an absolute path/);
    assert.throws(() => address('tcp+tls://logs', { 'syslog-tls-cert': '/c' }), /go together/);
    assert.throws(() => syslogFacility({ 'syslog-facility': 'loud' }), /invalid syslog facility/);
    assert.throws(() => syslogFacility({ 'syslog-facility': '24' }), /invalid syslog facility/);
    assert.throws(() => syslogFormat({ 'syslog-format': 'rfc1' }), /Invalid syslog format/);
  });

  it('name facilities by word and by number', () => {
    const facility = (text: string): number => syslogFacility({ 'syslog-facility': text });
    assert.deepEqual(['', 'kern', 'ftp', 'local7', '23'].map(facility), [3, 0, 11, 23, 23]);
  });
});
