import koffi from 'koffi';
import { closeSync, constants, openSync } from 'node:fs';
import { check } from '#adapters/linux/libc.ts';

const libc = koffi.load('libc.so.6');
const cIoctlPointer: (fd: number, request: number, argument: Int32Array) => number = libc.func(
  'int ioctl(int fd, unsigned long request, const int *value)',
);
const cIoctlNumber: (fd: number, request: number, argument: number) => number = libc.func(
  'int ioctl(int fd, unsigned long request, int value)',
);
const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;
const O_CLOEXEC = 0o2000000;

/**
 * A new terminal (pty(7)) of the host: its controlling side, and the side that programs see. Both are the caller's to close;
 * other processes do not inherit them.
 */
export function openTerminal(): { controlling: number; inner: number } {
  const flags = constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC;
  const controlling = openSync('/dev/ptmx', flags);
  try {
    check(cIoctlPointer(controlling, TIOCSPTLCK, new Int32Array([0])), 'ioctl', 'unlock a terminal');
    const inner = check(cIoctlNumber(controlling, TIOCGPTPEER, flags), 'ioctl', 'open a terminal');
    return { controlling, inner };
  } catch (error) {
    closeSync(controlling);
    throw error;
  }
}
