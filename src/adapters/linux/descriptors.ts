import koffi from 'koffi';
import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { dirname, basename } from 'node:path';
import { check, close } from '#adapters/linux/libc.ts';

// Descriptors that Node has no name for: SOCK_SEQPACKET sockets, pipes with numbers, terminals. Each gets into
// Node's event loop by `adopt`.

const libc = koffi.load('libc.so.6');

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;
const F_SETFL = 4;
const F_DUPFD_CLOEXEC = 1030;
const TIOCSWINSZ = 0x5414;

const cSocket: (domain: number, type: number, protocol: number) => number =
  libc.func('int socket(int, int, int)');
const cSocketPair: (domain: number, type: number, protocol: number, pair: Int32Array) => number = libc.func(
  'int socketpair(int, int, int, _Out_ int*)',
);
const cConnect: (fd: number, address: Uint8Array, length: number) => number = libc.func(
  'int connect(int, const uint8_t*, unsigned int)',
);
const cDup3: (from: number, to: number, flags: number) => number = libc.func('int dup3(int, int, int)');
const cPipe2: (pair: Int32Array, flags: number) => number = libc.func('int pipe2(_Out_ int*, int)');
const cFcntl: (fd: number, command: number, argument: number) => number = libc.func(
  'int fcntl(int fd, int command, int argument)',
);
const cIoctl: (fd: number, request: number, argument: Uint8Array) => number = libc.func(
  'int ioctl(int fd, unsigned long request, const uint8_t *argument)',
);

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

/** Another descriptor of the same open file. */
export function duplicate(fd: number): number {
  return check(cFcntl(fd, F_DUPFD_CLOEXEC, 0), 'fcntl', `descriptor ${fd}`);
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
