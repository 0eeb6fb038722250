import { invalid } from '#base/errors.ts';
import { isAddress } from '#domain/network/cidr.ts';
import type { Protocol } from './model.ts';

/** An end as a person names it. */
export type NamedEnd =
  | { kind: 'service'; app?: string; service: string }
  | { kind: 'address'; address: string }
  | { kind: 'name'; name: string }
  | { kind: 'host' }
  | { kind: 'world' };

export interface NamedFlow {
  from: NamedEnd;
  to: NamedEnd;
  protocol: Protocol;
  port: number;
}

const hint = "such as 'web -> db:5432', 'shop/web -> 1.1.1.1:443' or 'web -> api.example.com:443/tcp'";

/** Reads `FROM -> TO:PORT[/PROTOCOL]`. @throws invalid `policy-flow` */
export function parseFlow(text: string): NamedFlow {
  const [from = '', to = '', ...rest] = text.split(/\s*->\s*|\s+to\s+|\s+/).filter((word) => word !== '');
  const [, end = '', port = '', protocol = 'tcp'] = /^(.+):(\d{1,5})(?:\/(\w+))?$/.exec(to) ?? [];
  if (rest.length > 0 || from === '' || end === '' || Number(port) < 1 || Number(port) > 65_535)
    throw invalid('policy-flow', `found '${text}', required is FROM -> TO:PORT`, { hint });
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp')
    throw invalid('policy-flow', `found the protocol '${protocol}', required is tcp, udp or sctp`, { hint });
  return { from: parseEnd(from), to: parseEnd(end), protocol, port: Number(port) };
}

function parseEnd(text: string): NamedEnd {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  if (isAddress(bare)) return { kind: 'address', address: bare };
  if (text === 'host' || text === 'world') return { kind: text };
  const [app = '', service] = text.split('/');
  if (service !== undefined) return { kind: 'service', app, service };
  return text.includes('.') ? { kind: 'name', name: text } : { kind: 'service', service: text };
}
