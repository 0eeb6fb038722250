import { isAddress } from '#domain/network/cidr.ts';

/** What resolv.conf(5) says. */
export interface ResolvConf {
  servers: string[];
  search: string[];
}

/** Lines that mean nothing are passed over, as the C library does; the last `search` or `domain` counts. */
export function parseResolvConf(text: string): ResolvConf {
  const conf: ResolvConf = { servers: [], search: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    const first = words[0];
    if (keyword === 'nameserver' && first !== undefined && isAddress(first.split('%')[0] ?? ''))
      conf.servers.push(first);
    if (keyword === 'search' || keyword === 'domain') conf.search = words.filter((word) => word !== '.');
  }
  return conf;
}

export function isLoopback(server: string): boolean {
  return server.startsWith('127.') || server === '::1';
}
