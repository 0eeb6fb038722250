import koffi from 'koffi';
import { setTimeout as sleep } from 'node:timers/promises';
import { check, close, errno, SystemCallError } from '#adapters/linux/libc.ts';
import { withShortPath } from '#adapters/linux/descriptors.ts';

// Unix sockets of datagrams, which Node has not: those of syslog and of the journal.

const libc = koffi.load('libc.so.6');
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const MSG_NOSIGNAL = 0x4000;

const cSocket: (domain: number, type: number, protocol: number) => number =
  libc.func('int socket(int, int, int)');
const cConnect: (fd: number, address: Uint8Array, length: number) => number = libc.func(
  'int connect(int, const uint8_t*, unsigned int)',
);
const cSend: (fd: number, data: Uint8Array, length: number, flags: number) => number = libc.func(
  'long send(int, const uint8_t*, size_t, int)',
);
type SetOption = (fd: number, level: number, name: number, value: Int32Array, length: number) => number;
const cSetOption: SetOption = libc.func('int setsockopt(int, int, int, const int*, unsigned int)');

/** Room for messages that nobody has read yet; the kernel's standard is 208 KiB. */
const sendBytes = 8 * 1024 * 1024;
/** Milliseconds between two tries while the receiver's queue is full; nothing tells when it has room again. */
const firstPause = 1;
const longestPause = 64;

/** A connection to a socket of datagrams. */
export class UnixDatagram {
  readonly #fd: number;
  readonly #path: string;
  #closed = false;

  /** @throws SystemCallError such as ENOENT, ECONNREFUSED, EPROTOTYPE (a socket of another kind) */
  constructor(path: string) {
    this.#path = path;
    this.#fd = check(cSocket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket', path);
    // Only root may; without it the standard has to do.
    cSetOption(this.#fd, SOL_SOCKET, SO_SNDBUFFORCE, Int32Array.of(sendBytes), 4);
    try {
      withShortPath(path, (address) =>
        check(cConnect(this.#fd, address, address.length), 'connect', `'${path}'`),
      );
    } catch (error) {
      close(this.#fd);
      throw error;
    }
  }

  /** Waits while the receiver's queue is full. False: larger than a datagram may be. @throws SystemCallError */
  async send(message: Uint8Array): Promise<boolean> {
    for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
      if (this.#closed) throw new SystemCallError('send', errno.EPIPE, `'${this.#path}'`);
      if (cSend(this.#fd, message, message.length, MSG_NOSIGNAL) >= 0) return true;
      const reason = koffi.errno();
      if (reason === errno.EMSGSIZE) return false;
      if (reason !== errno.EAGAIN && reason !== errno.ENOBUFS)
        throw new SystemCallError('send', reason, `'${this.#path}'`);
      await sleep(pause);
    }
  }

  close(): void {
    if (!this.#closed) close(this.#fd);
    this.#closed = true;
  }
}
