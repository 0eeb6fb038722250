import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { decode, encode, type Answer, type DecodedPacket, type RecordType } from 'dns-packet';
import { systemCode } from '#base/errors.ts';
import { DnsResolver } from '#adapters/dns/resolver.ts';
import type { NameSource } from '#ports/resolver.ts';

const HERE = '127.0.0.1';
const TRUNCATED = 1 << 9;
const many = Array.from({ length: 60 }, (_, i) => `10.0.0.${i + 1}`);

const names: NameSource = {
  addresses: (name) => {
    if (name === 'web') return { v4: ['10.0.0.2', '10.0.0.3'], v6: ['fd00::2'] };
    return name === 'many' ? { v4: many, v6: [] } : undefined;
  },
  targets: (name) => (name === '_http._tcp.web' ? [{ name: 'web', port: 80 }] : undefined),
  nameOf: (address) => (address === '10.0.0.2' ? 'web.net' : undefined),
  awaits: () => false,
  resolved: () => Promise.resolve(),
  upstreams: () => undefined,
};

/** A resolver elsewhere that knows `out.example`; by UDP the answer to `long.example` does not fit. */
async function upstream(t: TestContext): Promise<number> {
  const reply = (data: Buffer, isCut: boolean): Buffer => {
    const query = decode(data);
    const name = query.questions?.[0]?.name ?? '';
    const isKnown = name.endsWith('.example');
    return encode({
      type: 'response',
      ...(query.id === undefined ? {} : { id: query.id }),
      flags: (isKnown ? 0 : 3) | (isCut && name.startsWith('long') ? TRUNCATED : 0),
      questions: query.questions ?? [],
      answers: isKnown ? [{ type: 'A', name, data: '203.0.113.9', ttl: 60 }] : [],
    });
  };
  const tcp = createServer((socket) => {
    socket.on('data', (data: Buffer) => {
      const answer = reply(data.subarray(2), false);
      socket.write(Buffer.concat([Buffer.from([answer.length >> 8, answer.length & 255]), answer]));
    });
  });
  t.after(() => tcp.close());
  const udp = await socketPair(tcp);
  t.after(() => udp.close());
  udp.on('message', (data, from) => udp.send(reply(data, true), from.port, from.address));
  return udp.address().port;
}

/** Has the server listen on a port that is free for UDP too, and gives the socket that has it there. */
async function socketPair(tcp: Server): Promise<Socket> {
  for (;;) {
    const udp = createSocket('udp4');
    udp.bind(0, HERE);
    await once(udp, 'listening');
    tcp.listen(udp.address().port, HERE);
    try {
      await once(tcp, 'listening');
      return udp;
    } catch (error) {
      udp.close();
      if (systemCode(error) !== 'EADDRINUSE') throw error;
    }
  }
}

async function resolver(t: TestContext, conf: string, upstreamPort: number, source = names) {
  const folder = mkdtempSync(join(tmpdir(), 'berth-dns-'));
  const resolvConf = join(folder, 'resolv.conf');
  writeFileSync(resolvConf, conf);
  const made = new DnsResolver({ resolvConf, port: 0, upstreamPort });
  await made.listen(HERE, source);
  t.after(async () => {
    await made.close();
    rmSync(folder, { recursive: true });
  });
  const port = made.portOf(HERE) ?? 0;
  const ask = (name: string, type: RecordType = 'A'): Promise<DecodedPacket> => askUdp(port, name, type);
  return { made, port, ask, resolvConf };
}

const question = (name: string, type: RecordType): Buffer =>
  encode({ type: 'query', id: 4711, flags: 256, questions: [{ type, name }] });

function askUdp(port: number, name: string, type: RecordType): Promise<DecodedPacket> {
  const socket = createSocket('udp4');
  return new Promise<DecodedPacket>((resolve) => {
    socket.on('message', (data) => resolve(decode(data)));
    socket.send(question(name, type), port, HERE);
  }).finally(() => socket.close());
}

function askTcp(port: number, name: string): Promise<DecodedPacket> {
  const socket = connect(port, HERE);
  const query = question(name, 'A');
  socket.write(Buffer.concat([Buffer.from([0, query.length]), query]));
  const parts: Buffer[] = [];
  return new Promise<DecodedPacket>((resolve) => {
    socket.on('data', (data: Buffer) => {
      parts.push(data);
      const whole = Buffer.concat(parts);
      if (whole.length >= 2 + whole.readUInt16BE(0)) resolve(decode(whole.subarray(2)));
    });
  }).finally(() => socket.destroy());
}

const CODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN'];
const rcode = (packet: DecodedPacket): string | undefined => CODES[(packet.flags ?? 0) & 15];

const data = (packet: DecodedPacket): unknown[] =>
  (packet.answers ?? []).map((answer: Answer) => ('data' in answer ? answer.data : undefined));

test('own names are answered for each kind of record, in any case of letters, and never forwarded', async (t) => {
  const { ask } = await resolver(t, '', 1);
  const answer = await ask('WEB');
  assert.deepEqual([answer.id, rcode(answer), data(answer)], [4711, 'NOERROR', ['10.0.0.2', '10.0.0.3']]);
  assert.deepEqual(data(await ask('web', 'AAAA')), ['fd00::2']);
  assert.deepEqual(data(await ask('2.0.0.10.in-addr.arpa', 'PTR')), ['web.net']);
  const other = await ask('web', 'MX');
  assert.deepEqual([rcode(other), data(other)], ['NOERROR', []]);
});

test('an answer that is too long for UDP says so and is whole by TCP', async (t) => {
  const { ask, port } = await resolver(t, '', 1);
  const cut = await ask('many');
  assert.deepEqual([cut.flag_tc, data(cut)], [true, []]);
  assert.deepEqual(data(await askTcp(port, 'many')), many);
});

test('other names go to the host’s resolvers, by TCP where the answer does not fit', async (t) => {
  const { ask, port } = await resolver(t, `nameserver ${HERE}`, await upstream(t));
  const answer = await ask('out.example');
  assert.deepEqual([answer.id, data(answer)], [4711, ['203.0.113.9']]);
  assert.equal(rcode(await ask('unknown')), 'NXDOMAIN');
  assert.equal((await ask('long.example')).flag_tc, true);
  const whole = await askTcp(port, 'long.example');
  assert.deepEqual([whole.flag_tc, data(whole)], [false, ['203.0.113.9']]);
});

test('what others answer for an awaited name is told before the asker has it, and for no other name', async (t) => {
  const port = await upstream(t);
  const told: string[] = [];
  const allowed = Promise.withResolvers<void>();
  const watching: NameSource = {
    ...names,
    awaits: (name) => name === 'out.example',
    resolved: (...words) => {
      told.push(words.join(' '));
      return allowed.promise;
    },
  };
  const { made, ask } = await resolver(t, `nameserver ${HERE}`, port, watching);
  const answered: string[] = [];
  const first = ask('out.example').then(() => answered.push('out'));
  await ask('other.example').then(() => answered.push('other'));
  assert.deepEqual(answered, ['other']);
  allowed.resolve();
  await first;
  assert.deepEqual(told, [`out.example ${HERE} 203.0.113.9 60`]);
  assert.ok((await made.lookup('out.example')).includes('203.0.113.9'));
});

test('when nobody answers, one label is unknown and a longer name a failure', async (t) => {
  const port = await upstream(t);
  const { ask } = await resolver(t, `nameserver ${HERE}`, port, { ...names, upstreams: () => [] });
  assert.equal(rcode(await ask('unknown')), 'NXDOMAIN');
  assert.equal(rcode(await ask('out.example')), 'SERVFAIL');
});

test('a container with resolvers of its own is served by them', async (t) => {
  const port = await upstream(t);
  const { ask } = await resolver(t, '', port, { ...names, upstreams: () => [HERE] });
  assert.deepEqual(data(await ask('out.example')), ['203.0.113.9']);
});

test('containers get the host’s resolvers that they can reach, else public ones, as the file changes', async (t) => {
  const { made, resolvConf } = await resolver(t, 'nameserver 10.0.0.53\nsearch a.example\n', 1);
  assert.deepEqual([made.upstreams(), made.searchDomains()], [['10.0.0.53'], ['a.example']]);
  writeFileSync(resolvConf, 'nameserver 127.0.0.1\n');
  assert.deepEqual([made.upstreams(), made.searchDomains()], [['8.8.8.8', '8.8.4.4'], []]);
});

test('a port that another program has is named in the error; listening twice and closing twice are fine', async (t) => {
  const blocker = createSocket('udp4');
  await new Promise<void>((resolve) => blocker.bind(0, HERE, () => resolve()));
  t.after(() => blocker.close());
  const made = new DnsResolver({ port: blocker.address().port });
  await assert.rejects(made.listen(HERE, names), { code: 'resolver-port-taken', message: /127\.0\.0\.1/ });
  const free = new DnsResolver({ port: 0 });
  await free.listen(HERE, names);
  await free.listen(HERE, names);
  await free.close();
  await free.close();
  assert.equal(free.portOf(HERE), undefined);
});

test('garbage is not answered and does no harm', async (t) => {
  const { ask, port } = await resolver(t, '', 1);
  const socket = createSocket('udp4');
  for (const bytes of [[], [1], Array.from({ length: 40 }, () => 255)])
    await new Promise<void>((resolve) => socket.send(Buffer.from(bytes), port, HERE, () => resolve()));
  socket.close();
  assert.equal(rcode(await ask('web')), 'NOERROR');
});
