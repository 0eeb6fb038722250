import koffi from 'koffi';
import { relayTcp, relayUdp, type Relay } from './relay.ts';
import { FAMILY, socketAddress } from '#adapters/linux/address.ts';
import { check, close, errno, SystemCallError } from '#adapters/linux/libc.ts';
import { conflict, invalid, unsupported } from '#base/errors.ts';
import { isAddress, parseAddress } from '#domain/network/cidr.ts';
import type { PortReserver, RelayTarget } from '#ports/packet-filter.ts';

const libc = koffi.load('libc.so.6');
const cSocket: (domain: number, type: number, protocol: number) => number =
  libc.func('int socket(int, int, int)');
const cBind: (fd: number, address: Uint8Array, length: number) => number = libc.func(
  'int bind(int, const uint8_t*, unsigned int)',
);
const cName: (fd: number, address: Uint8Array, length: Uint32Array) => number = libc.func(
  'int getsockname(int, _Out_ uint8_t*, _Inout_ uint32_t*)',
);
type SetOption = (fd: number, level: number, name: number, value: Uint8Array, length: number) => number;
const cSetOption: SetOption = libc.func('int setsockopt(int, int, int, const uint8_t*, unsigned int)');

const TYPE = { tcp: 1, udp: 2, sctp: 1 } as const;
const PROTOCOL = { tcp: 6, udp: 17, sctp: 132 } as const;
const CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const DNS_PORT = 53;
const on = Uint8Array.from([1, 0, 0, 0]);

type Protocol = 'tcp' | 'udp' | 'sctp';

/**
 * Holds ports by sockets that are bound but never listen: packets are redirected before they get there. Those that cannot be
 * redirected are relayed where that is asked for.
 */
export class SocketPortReserver implements PortReserver {
  readonly #held = new Map<string, number>();
  readonly #relays = new Map<string, Relay>();

  reserve(protocol: Protocol, hostIp: string, port: number): Promise<number> {
    return new Promise((resolve) => resolve(this.#reserve(protocol, hostIp, port)));
  }

  relay(protocol: Protocol, hostIp: string, port: number, target: RelayTarget): void {
    const key = keyOf(protocol, hostIp, port);
    const fd = this.#held.get(key);
    const relay = this.#relays.get(key);
    if (relay !== undefined) relay.target = target;
    else if (fd !== undefined && protocol !== 'sctp')
      this.#relays.set(key, protocol === 'tcp' ? relayTcp(fd, target) : relayUdp(fd, target));
  }

  release(protocol: Protocol, hostIp: string, port: number): void {
    this.#letGo(keyOf(protocol, hostIp === '' ? '0.0.0.0' : hostIp, port));
  }

  /** Lets go of all ports. */
  close(): void {
    for (const key of [...this.#held.keys()]) this.#letGo(key);
  }

  #letGo(key: string): void {
    const [fd, relay] = [this.#held.get(key), this.#relays.get(key)];
    this.#held.delete(key);
    this.#relays.delete(key);
    // A relay owns the descriptor.
    if (relay !== undefined) relay.close();
    else if (fd !== undefined) close(fd);
  }

  #reserve(protocol: Protocol, hostIp: string, port: number): number {
    const ip = hostIp === '' ? '0.0.0.0' : hostIp;
    if (!isAddress(ip))
      throw invalid('address-invalid', `invalid IP address '${hostIp}' to publish a port on`);
    if (port !== 0 && this.#overlaps(protocol, ip, port)) throw allocated(ip, port);
    const held = this.#bind(protocol, ip, port);
    this.#held.set(keyOf(protocol, ip, held.port), held.fd);
    return held.port;
  }

  /** Two sockets that may be used anew would not exclude each other. */
  #overlaps(protocol: Protocol, ip: string, port: number): boolean {
    const has = (other: string): boolean => this.#held.has(keyOf(protocol, other, port));
    return has(ip) || (mayListen(protocol, ip) && (has('::') || has('::1')));
  }

  #bind(protocol: Protocol, ip: string, port: number): { fd: number; port: number } {
    const where = `'${ip}:${port}/${protocol}'`;
    const type = TYPE[protocol] | CLOEXEC;
    const fd = cSocket(FAMILY[parseAddress(ip).version], type, PROTOCOL[protocol]);
    if (fd < 0 && koffi.errno() === errno.EPROTONOSUPPORT)
      throw unsupported('protocol-unsupported', `cannot publish ${where}: this kernel has no ${protocol}`);
    check(fd, 'socket', where);
    try {
      if (ip.includes(':')) check(cSetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, on, 4), 'setsockopt', where);
      // Our own resolver holds port 53 of each bridge, with the same option; other programs still conflict.
      if (port === DNS_PORT) check(cSetOption(fd, SOL_SOCKET, SO_REUSEPORT, on, 4), 'setsockopt', where);
      // Connections that a relay had before are no obstacle; others' listening sockets are, and ours listens at once.
      if (mayListen(protocol, ip))
        check(cSetOption(fd, SOL_SOCKET, SO_REUSEADDR, on, 4), 'setsockopt', where);
      const address = socketAddress(ip, port);
      if (cBind(fd, address, address.length) < 0) throw this.#refusal(protocol, ip, port, koffi.errno());
      check(cName(fd, address, Uint32Array.from([address.length])), 'getsockname', where);
      return { fd, port: Buffer.from(address).readUInt16BE(2) };
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  #refusal(protocol: Protocol, ip: string, port: number, reason: number): Error {
    if (reason === errno.EADDRINUSE) {
      // A socket of ours on another address excludes this one, too.
      if (this.#holds(protocol, port)) return allocated(ip, port);
      return conflict('port-taken', `failed to bind host port for ${ip}:${port}: address already in use`, {
        hint: `Stop the program that listens on port ${port}, or publish another port.`,
      });
    }
    if (reason === errno.EADDRNOTAVAIL)
      return invalid(
        'address-not-available',
        `failed to bind host port for ${ip}:${port}: cannot assign requested address`,
        { hint: `The host has no address '${ip}'; publish on one that it has, or leave the address out.` },
      );
    return new SystemCallError('bind', reason, `'${ip}:${port}/${protocol}'`);
  }

  #holds(protocol: Protocol, port: number): boolean {
    return [...this.#held.keys()].some((key) => key.startsWith(`${protocol} ${port} `));
  }
}

/** What comes to these addresses may be relayed. */
function mayListen(protocol: Protocol, ip: string): boolean {
  return protocol === 'tcp' && (ip === '::' || ip === '::1');
}

function keyOf(protocol: Protocol, ip: string, port: number): string {
  return `${protocol} ${port} ${ip}`;
}

function allocated(ip: string, port: number): Error {
  const shown = ip.includes(':') ? `[${ip}]` : ip;
  return conflict('port-taken', `Bind for ${shown}:${port} failed: port is already allocated`, {
    hint: 'Another container has published this port: stop it, or publish another port.',
  });
}
