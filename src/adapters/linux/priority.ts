import koffi from 'koffi';
import { check } from '#adapters/linux/libc.ts';

const libc = koffi.load('libc.so.6');
const cSetPriority: (which: number, who: number, value: number) => number = libc.func(
  'int setpriority(int, unsigned int, int)',
);

const PRIO_PROCESS = 0;
/** A tenth of what others get. */
const nice = 10;

/** Has the calling thread, not its process, let others go first that want the processor (setpriority(2), Bugs; sched(7)). */
export function runLast(): void {
  check(cSetPriority(PRIO_PROCESS, 0, nice), 'setpriority', 'of this thread');
}
