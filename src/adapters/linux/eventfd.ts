import koffi from 'koffi';
import { check } from '#adapters/linux/libc.ts';

const libc = koffi.load('libc.so.6');
const cEventFd: (value: number, flags: number) => number = libc.func('int eventfd(unsigned int, int)');
const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

/** A descriptor (eventfd(2)) from which can be read when the kernel has signalled something; the caller's to close. */
export function openEventFd(): number {
  return check(cEventFd(0, EFD_CLOEXEC | EFD_NONBLOCK), 'eventfd', 'for events of the kernel');
}
