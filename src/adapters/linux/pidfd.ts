import koffi from 'koffi';
import { adopt } from '#adapters/linux/descriptors.ts';
import { check, close, errno, SystemCallError } from '#adapters/linux/libc.ts';

// Processes by descriptor (pidfd_open(2), pidfd_getfd(2)): unlike a number it never means another process later.

const libc = koffi.load('libc.so.6');

// The same numbers on x86-64 and arm64.
const NR = { pidfd_open: 434, pidfd_getfd: 438 } as const;

const cOpen: (nr: number, pid: number, flags: number) => number = libc.func(
  'long syscall(long nr, int pid, unsigned int flags)',
);
const cGet: (nr: number, process: number, fd: number, flags: number) => number = libc.func(
  'long syscall(long nr, int process, int fd, unsigned int flags)',
);

/** Undefined when there is no such process. */
export function openProcess(pid: number): number | undefined {
  const fd = cOpen(NR.pidfd_open, pid, 0);
  if (fd >= 0) return fd;
  const reason = koffi.errno();
  if (reason === errno.ESRCH) return undefined;
  throw new SystemCallError('pidfd_open', reason, `process ${pid}`);
}

/** A copy of a descriptor that another process has open; the caller closes it. */
export function copyDescriptor(process: number, fd: number): number {
  return check(cGet(NR.pidfd_getfd, process, fd, 0), 'pidfd_getfd', `descriptor ${fd}`);
}

/** Runs `use` with a copy of a descriptor that another process has open. */
export function withDescriptorOf<T>(process: number, fd: number, use: (copy: number) => T): T {
  const copy = copyDescriptor(process, fd);
  try {
    return use(copy);
  } finally {
    close(copy);
  }
}

/** Calls back when a process has ended; does not keep this one alive. */
export class ProcessWatch {
  readonly #socket: ReturnType<typeof adopt>['socket'];

  /** @param process a descriptor of `openProcess`, owned from now on */
  constructor(process: number, onEnd: () => void) {
    this.#socket = adopt(process).socket.unref();
    // A process descriptor becomes readable when its process ends, and refuses to be read (EINVAL).
    this.#socket.once('error', onEnd);
  }

  /** Instead of calling back: resolves when the process has ended, and keeps this one alive for that. */
  ended(): Promise<void> {
    this.#socket.removeAllListeners('error').ref();
    return new Promise((resolve) => this.#socket.once('error', () => resolve()));
  }

  close(): void {
    this.#socket.removeAllListeners('error').destroy();
  }
}
