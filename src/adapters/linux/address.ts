import { formatAddress, parseAddress } from '#domain/network/cidr.ts';

/** An IP address as the kernel has it: 4 or 16 bytes in network order. @throws invalid `address-invalid` */
export function addressBytes(ip: string): Buffer {
  const { version, value } = parseAddress(ip);
  return Buffer.from(value.toString(16).padStart(version === 4 ? 8 : 32, '0'), 'hex');
}

/** The address in 4 or 16 bytes. */
export function addressText(bytes: Buffer): string {
  return formatAddress({ version: bytes.length === 4 ? 4 : 6, value: BigInt(`0x${bytes.toString('hex')}`) });
}
