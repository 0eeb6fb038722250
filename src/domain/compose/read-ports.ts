import type { Port } from '#domain/app/model.ts';
import { isExposureWord, type Exposure } from '#domain/policy/model.ts';
import { compact, type Reader } from './reader.ts';

const short =
  /^(?:(?:(\[[0-9a-fA-F:.]+\]|[0-9.]+|[0-9a-fA-F]*:[0-9a-fA-F:.]*|private|lan|public):)?([0-9]*(?:-[0-9]+)?):)?([0-9]+(?:-[0-9]+)?)(?:\/([a-z]+))?$/;

/** `ports` of a service; in the place of an address stands also who reaches it. Short ([IP:][HOST[-HOST]:]TARGET[-TARGET][/PROTOCOL]) and long. */
export function readPorts(ports: Reader): Port[] {
  return ports.items().flatMap((item) => (item.tree?.kind === 'map' ? readLong(item) : readShort(item)));
}

function readShort(item: Reader): Port[] {
  const text = item.text() ?? '';
  const found = short.exec(text);
  if (found === null) {
    item.complain(
      'compose-invalid-port',
      `'${text}' is not a port`,
      'write [HOST-IP:][HOST-PORT:]CONTAINER-PORT[/tcp|udp|sctp], with FROM-TO for a range',
    );
    return [];
  }
  const [, address = '', published = '', target = '', protocol = 'tcp'] = found;
  const known = readProtocol(item, protocol);
  const inside = readRange(item, target);
  const outside = published === '' ? undefined : readRange(item, published);
  if (known === undefined || inside === undefined) return [];
  const where = readAddress(item, address.replace(/^\[|\]$/g, ''));
  const port = (at: number, host: string): Port => ({
    ...{ target: at, protocol: known, hostIp: where.hostIp, published: host },
    ...where,
  });
  const count = inside.to - inside.from + 1;
  if (outside === undefined) return published === '' ? series(count, (i) => port(inside.from + i, '')) : [];
  if (count === 1) return [port(inside.from, published)];
  if (outside.to - outside.from + 1 !== count) {
    item.complain(
      'compose-invalid-port',
      `the ranges ${published} and ${target} of '${text}' differ in length`,
    );
    return [];
  }
  return series(count, (i) => port(inside.from + i, String(outside.from + i)));
}

function readLong(item: Reader): Port[] {
  const target = readRange(item.at('target'), item.at('target').text() ?? '');
  const protocol = readProtocol(item.at('protocol'), item.at('protocol').text() ?? 'tcp');
  const published = item.at('published').text() ?? '';
  if (!item.at('target').present) item.complain('compose-missing-key', "the key 'target' is missing");
  if (target === undefined || protocol === undefined) return [];
  if (target.from !== target.to)
    item
      .at('target')
      .complain('compose-invalid-port', 'the long form takes one port', 'write FROM-TO:FROM-TO for a range');
  if (published !== '' && readRange(item.at('published'), published) === undefined) return [];
  const port = compact<Port>({
    target: target.from,
    protocol,
    ...readAddress(item.at('host_ip'), item.at('host_ip').text() ?? ''),
    published,
    name: item.at('name').text(),
    appProtocol: item.at('app_protocol').text(),
    // What is not `host` is `ingress`, as in the short form, which cannot say it.
    mode: item.at('mode').oneOf(['ingress', 'host'] as const) === 'host' ? 'host' : undefined,
  });
  return [port];
}

function readAddress(item: Reader, text: string): { hostIp: string; exposure?: Exposure } {
  if (!isExposureWord(text)) return { hostIp: text };
  const { file, line } = item.place;
  return { hostIp: '', exposure: { word: text, at: { file, line } } };
}

function readProtocol(item: Reader, text: string): Port['protocol'] | undefined {
  if (text === 'tcp' || text === 'udp' || text === 'sctp') return text;
  item.complain('compose-invalid-port', `the protocol '${text}' is unknown: required is tcp, udp or sctp`);
  return undefined;
}

function readRange(item: Reader, text: string): { from: number; to: number } | undefined {
  const [first = '', last = first] = text.split('-');
  const [from, to] = [Number(first), Number(last)];
  const valid = /^\d+$/.test(first) && /^\d+$/.test(last) && from >= 1 && to <= 65535 && from <= to;
  if (valid) return { from, to };
  if (!item.present) return undefined;
  item.complain('compose-invalid-port', `'${text}' is not a port: required is 1 to 65535, or FROM-TO`);
  return undefined;
}

function series<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
