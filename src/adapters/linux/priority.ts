import koffi from 'koffi';
import { check } from '#adapters/linux/libc.ts';

const libc = koffi.load('libc.so.6');
const cSetPriority: (which: number, who: number, value: number) => number = libc.func(
  'int setpriority(int, unsigned int, int)',
);

const PRIO_PROCESS = 0;
const lowest = 19;

/** Has the calling thread, not its process, run only when nobody else wants the processor (setpriority(2), Bugs). */
export function runLast(): void {
  check(cSetPriority(PRIO_PROCESS, 0, lowest), 'setpriority', 'of this thread');
}
