import koffi from 'koffi';
import { FAMILY, socketAddress } from './address.ts';
import { check, close, SystemCallError } from './libc.ts';

// Sockets of whole IP packets (raw(7), IPPROTO_RAW): the sender's address may be anybody's.

const libc = koffi.load('libc.so.6');
const cSocket: (domain: number, type: number, protocol: number) => number =
  libc.func('int socket(int, int, int)');
type SendTo = (
  fd: number,
  data: Uint8Array,
  length: number,
  flags: number,
  to: Uint8Array,
  toLength: number,
) => number;
const cSendTo: SendTo = libc.func(
  'long sendto(int, const uint8_t*, size_t, int, const uint8_t*, unsigned int)',
);

const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_RAW = 255;
const MSG_DONTWAIT = 0x40;

/** Sends whole packets of one version of IP, in the network namespace in which it was opened. */
export class RawSocket implements Disposable {
  readonly #fd: number;

  /** @throws SystemCallError */
  constructor(version: 4 | 6) {
    this.#fd = check(cSocket(FAMILY[version], SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW), 'socket', 'raw');
  }

  /** @param packet from its IP header on @throws SystemCallError such as EHOSTUNREACH */
  send(packet: Uint8Array, to: string): void {
    const target = socketAddress(to, 0);
    const sent = cSendTo(this.#fd, packet, packet.length, MSG_DONTWAIT, target, target.length);
    if (sent < 0) throw new SystemCallError('sendto', koffi.errno(), to);
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }
}
