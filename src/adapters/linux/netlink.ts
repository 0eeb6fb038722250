import koffi from 'koffi';
import { check, close, SystemCallError } from '#adapters/linux/libc.ts';

// Netlink (netlink(7), linux/netlink.h): messages with attributes to the kernel over a socket. The calls
// block for as long as the kernel works, so they belong in a worker thread.

const libc = koffi.load('libc.so.6');
const cSocket: (domain: number, type: number, protocol: number) => number =
  libc.func('int socket(int, int, int)');
const cSend: (fd: number, data: Uint8Array, length: number, flags: number) => number = libc.func(
  'long send(int, const uint8_t*, size_t, int)',
);
const cReceive: (fd: number, data: Uint8Array, length: number, flags: number) => number = libc.func(
  'long recv(int, _Out_ uint8_t*, size_t, int)',
);
type SetOption = (fd: number, level: number, name: number, value: Uint8Array, length: number) => number;
const cSetOption: SetOption = libc.func('int setsockopt(int, int, int, const uint8_t*, unsigned int)');

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const SOL_NETLINK = 270;
const NETLINK_NO_ENOBUFS = 5;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

export const NLM = { REQUEST: 1, ACK: 4, EXCL: 0x200, CREATE: 0x400, REPLACE: 0x100, DUMP: 0x300 } as const;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const ACK_HAS_ATTRIBUTES = 0x200;
const HEADER = 16;
const NESTED = 0x8000;
const RECEIVE_BUFFER = 256 * 1024;

export interface NetlinkMessage {
  type: number;
  /** NLM flags; REQUEST is added. */
  flags: number;
  /** The family's fixed header with the attributes after it. */
  body: Buffer;
  /** For the error's message: what is done, such as `create link 'br0'`. */
  about: string;
  /** Errors (errno) that count as success. */
  tolerate?: number[];
}

const padded = (length: number): number => (length + 3) & ~3;

/** One attribute (struct nlattr), padded. A text gets its final zero byte. */
export function attribute(type: number, value: Buffer | string | number): Buffer {
  const payload = typeof value === 'object' ? value : scalar(value);
  const out = Buffer.alloc(padded(payload.length + 4));
  out.writeUInt16LE(payload.length + 4, 0);
  out.writeUInt16LE(type, 2);
  payload.copy(out, 4);
  return out;
}

function scalar(value: string | number): Buffer {
  if (typeof value === 'string') return Buffer.from(`${value}\0`);
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}

/** An attribute that holds attributes. */
export function nested(type: number, ...inner: Buffer[]): Buffer {
  return attribute(type | NESTED, Buffer.concat(inner));
}

/** The attributes in `data` from `offset` on, by type; of a repeated one the last. */
export function attributes(data: Buffer, offset: number): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = offset; at + 4 <= data.length;) {
    const length = data.readUInt16LE(at);
    if (length < 4) break;
    found.set(data.readUInt16LE(at + 2) & 0x3fff, data.subarray(at + 4, at + length));
    at += padded(length);
  }
  return found;
}

/** A socket of the network namespace in which it was opened, whatever the thread does later. */
export class NetlinkSocket implements Disposable {
  readonly #fd: number;
  #sequence = 0;

  constructor(protocol: number) {
    this.#fd = check(cSocket(AF_NETLINK, SOCK_RAW_CLOEXEC, protocol), 'socket', 'netlink');
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) this.#switchOn(option);
  }

  /**
   * Sends all messages in one system call. The kernel carries out each of them, also after one that fails.
   * @throws SystemCallError for the first that fails and is not tolerated
   */
  run(...messages: NetlinkMessage[]): void {
    const first = this.#send(messages.map((message) => ({ ...message, flags: message.flags | NLM.ACK })));
    const open = new Map(messages.map((message, index) => [first + index, message]));
    const failures: SystemCallError[] = [];
    while (open.size > 0) {
      for (const reply of this.#receive()) {
        const message = open.get(reply.sequence);
        if (message === undefined || reply.type !== NLMSG_ERROR) continue;
        open.delete(reply.sequence);
        const errno = -reply.body.readInt32LE(0);
        if (errno !== 0 && message.tolerate?.includes(errno) !== true)
          failures.push(new SystemCallError('netlink', errno, message.about + explanation(reply)));
      }
    }
    if (failures[0] !== undefined) throw failures[0];
  }

  /** Asks for one thing and gives its body. @throws SystemCallError */
  get(message: NetlinkMessage): Buffer {
    const sequence = this.#send([message]);
    for (;;) {
      const reply = this.#receive().find((each) => each.sequence === sequence);
      if (reply === undefined) continue;
      if (reply.type !== NLMSG_ERROR) return reply.body;
      throw new SystemCallError('netlink', -reply.body.readInt32LE(0), message.about + explanation(reply));
    }
  }

  /** Asks and gives the bodies of all answers. @throws SystemCallError */
  dump(message: NetlinkMessage): Buffer[] {
    const sequence = this.#send([{ ...message, flags: message.flags | NLM.DUMP }]);
    const bodies: Buffer[] = [];
    for (;;) {
      for (const reply of this.#receive()) {
        if (reply.sequence !== sequence) continue;
        if (reply.type === NLMSG_DONE) return bodies;
        if (reply.type === NLMSG_ERROR)
          throw new SystemCallError('netlink', -reply.body.readInt32LE(0), message.about);
        bodies.push(reply.body);
      }
    }
  }

  /** Gives the descriptor away, for one who reads what the kernel sends unasked; what does not fit is lost, without an error. */
  release(): number {
    this.#switchOn(NETLINK_NO_ENOBUFS);
    return this.#fd;
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }

  #switchOn(option: number): void {
    cSetOption(this.#fd, SOL_NETLINK, option, scalar(1), 4);
  }

  #send(messages: NetlinkMessage[]): number {
    const first = this.#sequence + 1;
    const parts = messages.map((message) => {
      this.#sequence += 1;
      const out = Buffer.alloc(padded(HEADER + message.body.length));
      out.writeUInt32LE(HEADER + message.body.length, 0);
      out.writeUInt16LE(message.type, 4);
      out.writeUInt16LE(message.flags | NLM.REQUEST, 6);
      out.writeUInt32LE(this.#sequence, 8);
      message.body.copy(out, HEADER);
      return out;
    });
    const data = Buffer.concat(parts);
    check(cSend(this.#fd, data, data.length, 0), 'send', messages[0]?.about ?? 'netlink');
    return first;
  }

  #receive(): { type: number; sequence: number; flags: number; body: Buffer }[] {
    const data = Buffer.allocUnsafe(RECEIVE_BUFFER);
    const length = check(cReceive(this.#fd, data, data.length, 0), 'recv', 'netlink');
    const replies = [];
    for (let at = 0; at + HEADER <= length;) {
      const size = data.readUInt32LE(at);
      replies.push({
        type: data.readUInt16LE(at + 4),
        flags: data.readUInt16LE(at + 6),
        sequence: data.readUInt32LE(at + 8),
        body: data.subarray(at + HEADER, at + size),
      });
      at += padded(size);
    }
    return replies;
  }
}

/** The kernel's own words, when it gives some (NLMSGERR_ATTR_MSG). */
function explanation(reply: { flags: number; body: Buffer }): string {
  if ((reply.flags & ACK_HAS_ATTRIBUTES) === 0) return '';
  // With NETLINK_CAP_ACK the error holds only the header of the request.
  const words = attributes(reply.body, 4 + HEADER).get(1);
  return words === undefined ? '' : ` (${words.toString('utf8').replace(/\0+$/, '')})`;
}
