import koffi from 'koffi';
import { withShortPath } from '#adapters/linux/descriptors.ts';
import { check, close } from '#adapters/linux/libc.ts';

// Descriptors that go from process to process over unix sockets (SCM_RIGHTS, unix(7)). The calls block, so they run in
// the pool of threads.

const libc = koffi.load('libc.so.6');

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const SHUT_RDWR = 2;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
/** struct cmsghdr: length, level, type. */
const headerBytes = 16;
/** The kernel's limit (SCM_MAX_FD). */
const mostDescriptors = 253;

const cSocket: (domain: number, type: number, protocol: number) => number =
  libc.func('int socket(int, int, int)');
const cBind: (fd: number, address: Uint8Array, length: number) => number = libc.func(
  'int bind(int, const uint8_t*, unsigned int)',
);
const cListen: (fd: number, backlog: number) => number = libc.func('int listen(int, int)');
const cShutdown: (fd: number, how: number) => number = libc.func('int shutdown(int, int)');

type Callback = (error: Error | null, result: number) => void;
interface AsyncCall<A extends unknown[]> {
  async(...args: [...A, Callback]): void;
}
const cAccept: AsyncCall<[fd: number, address: null, length: null, flags: number]> = libc.func(
  'int accept4(int, void*, void*, int)',
);
koffi.struct('berth_rights_iovec', { base: 'uint8_t*', length: 'size_t' });
koffi.struct('berth_rights_msghdr', {
  name: 'void*',
  namelen: 'uint32_t',
  iov: 'berth_rights_iovec*',
  iovlen: 'size_t',
  control: 'uint8_t*',
  controllen: 'size_t',
  flags: 'int',
});
interface Message {
  name: null;
  namelen: number;
  iov: { base: Uint8Array; length: number };
  iovlen: number;
  control: Uint8Array | null;
  controllen: number;
  flags: number;
}
type MessageCall = AsyncCall<[fd: number, message: Message, flags: number]>;
const cRecvMsg: MessageCall = libc.func(
  'long recvmsg(int fd, const berth_rights_msghdr *message, int flags)',
);
const cSendMsg: MessageCall = libc.func(
  'long sendmsg(int fd, const berth_rights_msghdr *message, int flags)',
);

const execute = <A extends unknown[]>(call: AsyncCall<A>, ...args: A): Promise<number> =>
  new Promise((resolve, reject) => {
    call.async(...args, (error, result) => {
      if (error instanceof Error) reject(error);
      else resolve(result);
    });
  });

function message(payload: Uint8Array, control: Uint8Array | null): Message {
  const iov = { base: payload, length: payload.length };
  const controllen = control?.length ?? 0;
  return { name: null, namelen: 0, iov, iovlen: 1, control, controllen, flags: 0 };
}

/** One message: how many bytes it has, at most as many as `payload`, and the descriptors that came with it. */
export async function receiveRights(
  connection: number,
  payload: Uint8Array,
): Promise<{ bytes: number; descriptors: number[] }> {
  const control = Buffer.alloc(headerBytes + 4 * mostDescriptors + 4);
  const bytes = await execute(cRecvMsg, connection, message(payload, control), MSG_CMSG_CLOEXEC);
  const isRights = control.readInt32LE(8) === SOL_SOCKET && control.readInt32LE(12) === SCM_RIGHTS;
  if (bytes <= 0 || !isRights) return { bytes, descriptors: [] };
  const count = (Number(control.readBigUInt64LE(0)) - headerBytes) / 4;
  return {
    bytes,
    descriptors: Array.from({ length: count }, (_, index) => control.readInt32LE(headerBytes + 4 * index)),
  };
}

/** One message, with copies of descriptors. False: nobody takes it. */
export async function sendRights(
  connection: number,
  payload: Uint8Array,
  descriptors: readonly number[] = [],
): Promise<boolean> {
  const control = Buffer.alloc(headerBytes + 8 * Math.ceil(descriptors.length / 2));
  control.writeBigUInt64LE(BigInt(headerBytes + 4 * descriptors.length), 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  descriptors.forEach((fd, index) => control.writeInt32LE(fd, headerBytes + 4 * index));
  const sent = message(payload, descriptors.length === 0 ? null : control);
  return (await execute(cSendMsg, connection, sent, MSG_NOSIGNAL)) === payload.length;
}

/** Waits at a path of at most 107 bytes for one connection, which blocks. */
export class Doorstep {
  readonly #fd: number;
  #closed = false;

  constructor(path: string) {
    this.#fd = check(cSocket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), 'socket', path);
    try {
      withShortPath(path, (address) => check(cBind(this.#fd, address, address.length), 'bind', `'${path}'`));
      check(cListen(this.#fd, 1), 'listen', `'${path}'`);
    } catch (error) {
      close(this.#fd);
      throw error;
    }
  }

  /** Undefined when it was stopped first. Call it once. */
  async accept(): Promise<number | undefined> {
    const connection = await execute(cAccept, this.#fd, null, null, SOCK_CLOEXEC);
    this.#closed = true;
    close(this.#fd);
    return connection < 0 ? undefined : connection;
  }

  /** Makes `accept` give up. Once that has returned, the number may be another socket's already. */
  stop(): void {
    if (!this.#closed) cShutdown(this.#fd, SHUT_RDWR);
  }
}

/** Where one process hands over a descriptor, as OCI runtimes do with a console. */
export class DescriptorInbox extends Doorstep {
  /** The descriptor; undefined when the inbox was stopped first. Call it once. */
  async receive(): Promise<number | undefined> {
    const connection = await this.accept();
    if (connection === undefined) return undefined;
    try {
      return (await receiveRights(connection, Buffer.alloc(4096))).descriptors[0];
    } finally {
      close(connection);
    }
  }
}
