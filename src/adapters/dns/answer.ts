import {
  AUTHORITATIVE_ANSWER,
  encode,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
  type Answer,
  type DecodedPacket,
} from 'dns-packet';
import { formatAddress } from '#domain/network/cidr.ts';
import type { NameSource } from '#ports/resolver.ts';

// Answers to the names that are ours (RFC 1035).

export const RCODE = { FORMAT_ERROR: 1, SERVER_FAILURE: 2, NO_SUCH_NAME: 3 } as const;

/** Seconds; short, because a container's address changes with every restart. */
const TTL = 5;
const PLAIN_UDP_LIMIT = 512;

/** The records for a question, or undefined when the name is not ours. */
export function ownRecords(
  type: string,
  name: string,
  source: NameSource,
  asker: string,
): Answer[] | undefined {
  if (type === 'PTR') {
    const address = addressOfPointer(name);
    const data = address === undefined ? undefined : source.nameOf(address, asker);
    return data === undefined ? undefined : [{ type: 'PTR', name, ttl: TTL, data }];
  }
  const plain = name.toLowerCase().replace(/\.$/, '');
  if (type === 'SRV')
    return source
      .targets(plain, asker)
      ?.map(({ name: target, port }) => ({ type: 'SRV', name, ttl: TTL, data: { target, port } }));
  const found = source.addresses(plain, asker);
  if (found === undefined) return undefined;
  if (type === 'A') return found.v4.map((data) => ({ type: 'A', name, ttl: TTL, data }));
  if (type === 'AAAA') return found.v6.map((data) => ({ type: 'AAAA', name, ttl: TTL, data }));
  return [];
}

/** `2.0.17.172.in-addr.arpa` is 172.17.0.2; likewise ip6.arpa (RFC 3596). */
export function addressOfPointer(name: string): string | undefined {
  const v4 = /^((?:\d{1,3}\.){4})in-addr\.arpa\.?$/i.exec(name)?.[1];
  if (v4 !== undefined) return v4.split('.').filter(Boolean).reverse().join('.');
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa\.?$/i.exec(name)?.[1];
  if (v6 === undefined) return undefined;
  const digits = v6.split('.').filter(Boolean).reverse().join('');
  return formatAddress({ version: 6, value: BigInt(`0x${digits}`) });
}

/** The addresses in an answer, and for how many seconds the shortest of them is good. */
export function addressesIn(packet: DecodedPacket | undefined): { addresses: string[]; seconds: number } {
  const found = (packet?.answers ?? []).flatMap((record) =>
    record.type === 'A' || record.type === 'AAAA' ? [{ address: record.data, ttl: record.ttl ?? 0 }] : [],
  );
  return {
    addresses: found.map(({ address }) => address),
    seconds: Math.min(...found.map(({ ttl }) => ttl)),
  };
}

/** An answer by us. Over UDP (`limit`) one that is too long says so, and the client asks again by TCP. */
export function respond(query: DecodedPacket, answers: Answer[], limit: boolean): Buffer {
  const flags = (query.flags ?? 0) & RECURSION_DESIRED;
  const packet = {
    type: 'response' as const,
    ...(query.id === undefined ? {} : { id: query.id }),
    flags: flags | RECURSION_AVAILABLE | AUTHORITATIVE_ANSWER,
    questions: query.questions ?? [],
    answers,
  };
  const whole = encode(packet);
  if (!limit || whole.length <= limitOf(query)) return whole;
  return encode({ ...packet, flags: packet.flags | TRUNCATED_RESPONSE, answers: [] });
}

export function refuse(query: DecodedPacket, code: number): Buffer {
  return encode({
    type: 'response',
    ...(query.id === undefined ? {} : { id: query.id }),
    flags: ((query.flags ?? 0) & RECURSION_DESIRED) | RECURSION_AVAILABLE | code,
    questions: query.questions ?? [],
  });
}

/** What the client can take: 512 bytes, or what it says in an OPT record (RFC 6891). */
function limitOf(query: DecodedPacket): number {
  const option = query.additionals?.find((record) => record.type === 'OPT');
  const size = option !== undefined && 'udpPayloadSize' in option ? option.udpPayloadSize : PLAIN_UDP_LIMIT;
  return Math.max(PLAIN_UDP_LIMIT, size);
}
