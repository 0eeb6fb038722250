import { formatAddress, parseAddress } from '#domain/network/cidr.ts';

/** AF_INET, AF_INET6 */
export const FAMILY = { 4: 2, 6: 10 } as const;

/** An IP address as the kernel has it: 4 or 16 bytes in network order. @throws invalid `address-invalid` */
export function addressBytes(ip: string): Buffer {
  const { version, value } = parseAddress(ip);
  return Buffer.from(value.toString(16).padStart(version === 4 ? 8 : 32, '0'), 'hex');
}

/** The address in 4 or 16 bytes. */
export function addressText(bytes: Buffer): string {
  return formatAddress({ version: bytes.length === 4 ? 4 : 6, value: BigInt(`0x${bytes.toString('hex')}`) });
}

/** struct sockaddr_in, sockaddr_in6 @throws invalid `address-invalid` */
export function socketAddress(ip: string, port: number): Buffer {
  const { version } = parseAddress(ip);
  const out = Buffer.alloc(version === 4 ? 16 : 28);
  out.writeUInt16LE(FAMILY[version], 0);
  out.writeUInt16BE(port, 2);
  addressBytes(ip).copy(out, version === 4 ? 4 : 8);
  return out;
}
