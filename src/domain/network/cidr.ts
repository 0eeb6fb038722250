import { invalid } from '#base/errors.ts';

/** An IP address as a number of 32 or 128 bits. */
export interface Address {
  version: 4 | 6;
  value: bigint;
}

/** A subnet: `base` has no bits beyond the prefix. */
export interface Subnet {
  version: 4 | 6;
  base: bigint;
  prefix: number;
}

const widthOf = (version: 4 | 6): number => (version === 4 ? 32 : 128);

/** @throws invalid `address-invalid` */
export function parseAddress(text: string): Address {
  const value = text.includes(':') ? v6(text) : v4(text);
  if (value === undefined) throw invalid('address-invalid', `invalid IP address '${text}'`);
  return { version: text.includes(':') ? 6 : 4, value };
}

export function isAddress(text: string): boolean {
  return (text.includes(':') ? v6(text) : v4(text)) !== undefined;
}

function v4(text: string): bigint | undefined {
  if (!/^(\d{1,3}\.){3}\d{1,3}$/.test(text)) return undefined;
  const parts = text.split('.').map(Number);
  if (parts.some((part) => part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function v6(text: string): bigint | undefined {
  const [head, tail, ...rest] = text.split('::');
  if (head === undefined || rest.length > 0) return undefined;
  const left = groups(head);
  const right = groups(tail ?? '');
  if (left === undefined || right === undefined) return undefined;
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...left, ...Array.from({ length: missing }, () => 0), ...right];
  return all.reduce((sum, group) => sum * 65536n + BigInt(group), 0n);
}

/** The 16-bit groups of a part of an IPv6 address; the last may be a dotted IPv4 address. */
function groups(text: string): number[] | undefined {
  if (text === '') return [];
  const out: number[] = [];
  for (const part of text.split(':')) {
    const dotted = part.includes('.') ? v4(part) : undefined;
    if (dotted !== undefined) out.push(Number(dotted >> 16n), Number(dotted & 0xffffn));
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) out.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return out;
}

/** IPv6 in the shortest form (RFC 5952). */
export function formatAddress(address: Address): string {
  if (address.version === 4)
    return [24n, 16n, 8n, 0n].map((shift) => String((address.value >> shift) & 255n)).join('.');
  const all = Array.from({ length: 8 }, (_, i) =>
    ((address.value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  const text = all.join(':');
  const zeros = [...text.matchAll(/\b0(:0)+\b/g)];
  const longest = zeros.reduce<RegExpExecArray | undefined>(
    (best, run) => (best === undefined || run[0].length > best[0].length ? run : best),
    undefined,
  );
  if (longest === undefined) return text;
  const before = text.slice(0, longest.index).replace(/:$/, '');
  const after = text.slice(longest.index + longest[0].length).replace(/^:/, '');
  return `${before}::${after}`;
}

/** `address/prefix`; bits beyond the prefix are cut off. @throws invalid `subnet-invalid` */
export function parseSubnet(text: string): Subnet {
  const { address, prefix } = parseInterface(text);
  const host = BigInt(widthOf(address.version) - prefix);
  return { version: address.version, base: (address.value >> host) << host, prefix };
}

/** Whether a text is an address with the length of a prefix. */
export function isSubnet(text: string): boolean {
  const [ip = '', length = '', ...rest] = text.split('/');
  const most = ip.includes(':') ? 128 : 32;
  return rest.length === 0 && isAddress(ip) && /^\d{1,3}$/.test(length) && Number(length) <= most;
}

/** An address with its prefix length, bits kept. @throws invalid `subnet-invalid` */
export function parseInterface(text: string): { address: Address; prefix: number } {
  if (!isSubnet(text)) throw invalid('subnet-invalid', `invalid CIDR address '${text}'`);
  const [ip = '', length = ''] = text.split('/');
  return { address: parseAddress(ip), prefix: Number(length) };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress({ version: subnet.version, value: subnet.base })}/${subnet.prefix}`;
}

/** The highest address; of an IPv4 subnet the broadcast address. */
export function lastOf(subnet: Subnet): bigint {
  return subnet.base + (1n << BigInt(widthOf(subnet.version) - subnet.prefix)) - 1n;
}

export function contains(subnet: Subnet, address: Address): boolean {
  return (
    address.version === subnet.version && address.value >= subnet.base && address.value <= lastOf(subnet)
  );
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.version === b.version && a.base <= lastOf(b) && b.base <= lastOf(a);
}

/** Docker's address of an interface with this IPv4 address: 02:42 and its four bytes. */
export function macOf(ip: string): string {
  const { value } = parseAddress(ip);
  const bytes = [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n);
  return ['02', '42', ...bytes.map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
