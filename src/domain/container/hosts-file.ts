import { invalid } from '#base/errors.ts';
import { isAddress } from '#domain/network/cidr.ts';

export interface HostsEntry {
  address: string;
  names: string[];
}

const own = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

/** Text of /etc/hosts. @param base the host's own lines for the network mode `host`; absent: Docker's usual ones */
export function hostsFile(entries: HostsEntry[], base?: string): string {
  const first = base ?? `${own.join('\n')}\n`;
  const rest = entries.map(({ address, names }) => `${address}\t${[...new Set(names)].join(' ')}\n`);
  return (first === '' || first.endsWith('\n') ? first : `${first}\n`) + rest.join('');
}

/**
 * Entries of HostConfig.ExtraHosts: `name:address` or `name=address`.
 * @param gateway the address that `host-gateway` stands for
 * @throws invalid `extra-host-invalid`
 */
export function extraHosts(list: string[], gateway: string): HostsEntry[] {
  return list.map((text) => {
    const [, name = '', written = ''] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
    const address = written === 'host-gateway' ? gateway : written.replace(/^\[(.*)\]$/, '$1');
    if (name === '' || address === '')
      throw invalid('extra-host-invalid', `bad format for add-host: "${text}"`, {
        hint: 'write NAME:ADDRESS',
      });
    if (!isAddress(address))
      throw invalid('extra-host-invalid', `invalid IP address in add-host: "${written}"`);
    return { address, names: [name] };
  });
}

/** The line of a container itself: `10.0.0.2 name.domain name`; a host name may have its domain in itself. */
export function ownEntry(address: string, hostname: string, domain: string): HostsEntry {
  const full = domain === '' ? hostname : `${hostname}.${domain}`;
  return { address, names: [full, full.split('.')[0] ?? full] };
}

/** `/other:alias`, `other:alias` or `other` of Links. */
export function parseLink(text: string): { container: string; alias: string } {
  const [container = '', alias = container] = text.split(':');
  return { container: container.replace(/^\//, ''), alias: alias.split('/').at(-1) ?? alias };
}
