import koffi from 'koffi';
import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { dirname, basename } from 'node:path';
import { check, close } from '#adapters/linux/libc.ts';

// Descriptors that Node has no name for: SOCK_SEQPACKET sockets, pipes with numbers, terminals received
// from another process. Each gets into Node's event loop by `adopt`.

const libc = koffi.load('libc.so.6');

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;
const F_SETFL = 4;
const TIOCSWINSZ = 0x5414;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const SHUT_RDWR = 2;
const MSG_CMSG_CLOEXEC = 0x40000000;

const cSocket: (domain: number, type: number, protocol: number) => number =
  libc.func('int socket(int, int, int)');
const cSocketPair: (domain: number, type: number, protocol: number, pair: Int32Array) => number = libc.func(
  'int socketpair(int, int, int, _Out_ int*)',
);
const cConnect: (fd: number, address: Uint8Array, length: number) => number = libc.func(
  'int connect(int, const uint8_t*, unsigned int)',
);
const cBind: (fd: number, address: Uint8Array, length: number) => number = libc.func(
  'int bind(int, const uint8_t*, unsigned int)',
);
const cListen: (fd: number, backlog: number) => number = libc.func('int listen(int, int)');
const cShutdown: (fd: number, how: number) => number = libc.func('int shutdown(int, int)');
const cDup3: (from: number, to: number, flags: number) => number = libc.func('int dup3(int, int, int)');
const cPipe2: (pair: Int32Array, flags: number) => number = libc.func('int pipe2(_Out_ int*, int)');
const cFcntl: (fd: number, command: number, argument: number) => number = libc.func(
  'int fcntl(int fd, int command, int argument)',
);
const cIoctl: (fd: number, request: number, argument: Uint8Array) => number = libc.func(
  'int ioctl(int fd, unsigned long request, const uint8_t *argument)',
);

type Callback = (error: Error | null, result: number) => void;
interface AsyncCall<A extends unknown[]> {
  async(...args: [...A, Callback]): void;
}
const cAccept: AsyncCall<[fd: number, address: null, length: null, flags: number]> = libc.func(
  'int accept4(int, void*, void*, int)',
);
koffi.struct('berth_iovec', { base: 'uint8_t*', length: 'size_t' });
koffi.struct('berth_msghdr', {
  name: 'void*',
  namelen: 'uint32_t',
  iov: 'berth_iovec*',
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
  control: Uint8Array;
  controllen: number;
  flags: number;
}
const cRecvMsg: AsyncCall<[fd: number, message: Message, flags: number]> = libc.func(
  'long recvmsg(int fd, const berth_msghdr *message, int flags)',
);

const execute = <A extends unknown[]>(call: AsyncCall<A>, ...args: A): Promise<number> =>
  new Promise((resolve, reject) => {
    call.async(...args, (error, result) => {
      if (error instanceof Error) reject(error);
      else resolve(result);
    });
  });

/**
 * A Node stream on a descriptor that is not blocking, which the stream owns from now on. Node looks at the
 * kind of a descriptor only when it makes the stream, so the stream is made on a socket of our own, which is
 * replaced before the event loop looks at it. `fd` is its number from now on.
 */
export function adopt(fd: number): { socket: Socket; fd: number } {
  const pair = new Int32Array(2);
  check(cSocketPair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 'socketpair', 'for a stream');
  const [placeholder = -1, other = -1] = pair;
  const socket = new Socket({ fd: placeholder, readable: true, writable: true, allowHalfOpen: true });
  try {
    check(cDup3(fd, placeholder, SOCK_CLOEXEC), 'dup3', `descriptor ${fd}`);
  } finally {
    close(other);
    close(fd);
  }
  return { socket, fd: placeholder };
}

/** The end of a pipe from which to read, owned from now on. */
export function readEnd(fd: number): Socket {
  setNonBlocking(fd);
  const { socket } = adopt(fd);
  return socket.once('end', () => socket.destroy());
}

/** The end of a pipe into which to write, owned from now on. A reader that is gone makes writing pointless, not wrong. */
export function writeEnd(fd: number): Writable {
  setNonBlocking(fd);
  const { socket } = adopt(fd);
  socket.on('error', () => undefined);
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (socket.destroyed) done();
      else socket.write(chunk, () => done());
    },
    // A pipe cannot be shut down, only closed.
    final: (done) => {
      socket.destroy();
      done();
    },
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
}

/** Connects to a SOCK_SEQPACKET socket; the path may be of any length. */
export function connectSeqpacket(path: string): number {
  const fd = check(cSocket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket', path);
  try {
    withShortPath(path, (address) => check(cConnect(fd, address, address.length), 'connect', `'${path}'`));
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** A socket's path holds 107 bytes at most: the folder is named by a descriptor instead. */
export function withShortPath(path: string, use: (address: Uint8Array) => unknown): void {
  const folder = openSync(dirname(path), O_PATH | constants.O_DIRECTORY);
  try {
    use(socketAddress(`/proc/self/fd/${folder}/${basename(path)}`));
  } finally {
    closeSync(folder);
  }
}

function socketAddress(path: string): Uint8Array {
  const address = Buffer.alloc(110);
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(path, 2);
  return address;
}

/** A pipe whose ends other processes do not inherit. */
export function pipe(): { read: number; write: number } {
  const pair = new Int32Array(2);
  check(cPipe2(pair, SOCK_CLOEXEC), 'pipe2', 'pipe');
  const [read = -1, write = -1] = pair;
  return { read, write };
}

export function setNonBlocking(fd: number): void {
  check(cFcntl(fd, F_SETFL, constants.O_RDWR | constants.O_NONBLOCK), 'fcntl', `descriptor ${fd}`);
}

export function setWindowSize(fd: number, columns: number, rows: number): void {
  const size = Buffer.alloc(8);
  size.writeUInt16LE(rows, 0);
  size.writeUInt16LE(columns, 2);
  check(cIoctl(fd, TIOCSWINSZ, size), 'ioctl', `window size of descriptor ${fd}`);
}

/** A listening socket on which one process hands over a descriptor, as OCI runtimes do with a console. */
export class DescriptorInbox {
  readonly #fd: number;
  #closed = false;

  /** @param path at most 107 bytes */
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

  /** The descriptor; undefined when the inbox was stopped first. Call it once. */
  async receive(): Promise<number | undefined> {
    const connection = await execute(cAccept, this.#fd, null, null, SOCK_CLOEXEC);
    this.#closed = true;
    close(this.#fd);
    if (connection < 0) return undefined;
    try {
      return await receiveDescriptor(connection);
    } finally {
      close(connection);
    }
  }

  /** Makes `receive` give up. Once that has returned, the number may be another socket's already. */
  stop(): void {
    if (!this.#closed) cShutdown(this.#fd, SHUT_RDWR);
  }
}

async function receiveDescriptor(connection: number): Promise<number | undefined> {
  const control = Buffer.alloc(64);
  const payload = Buffer.alloc(4096);
  const received = await execute(
    cRecvMsg,
    connection,
    {
      name: null,
      namelen: 0,
      iov: { base: payload, length: payload.length },
      iovlen: 1,
      control,
      controllen: control.length,
      flags: 0,
    },
    MSG_CMSG_CLOEXEC,
  );
  if (received <= 0) return undefined;
  const isRights = control.readInt32LE(8) === SOL_SOCKET && control.readInt32LE(12) === SCM_RIGHTS;
  return isRights ? control.readInt32LE(16) : undefined;
}
