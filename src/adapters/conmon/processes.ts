import { readFileSync } from 'node:fs';
import { systemCode } from '#base/errors.ts';
import { readIfThere, type TaskFiles } from './bundle.ts';
import type { OciState } from './oci-runtime.ts';

/** Whether the process that a state names still is that process, and no zombie. */
export function isAlive({ pid, startTime }: OciState): boolean {
  const fields = statOf(pid);
  return fields !== undefined && fields.state !== 'Z' && fields.startTime === startTime;
}

function statOf(pid: number): { state: string; startTime: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything, so count from its end: state is field 3, start time 22.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

/** Sends a signal; a process that is gone is fine. Gives whether there was one. */
export function kill(pid: number, signal: number | NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false;
    throw error;
  }
}

/** The id of a task's conmon, while that lives. */
export function livingMonitor(files: TaskFiles, id: string): number | undefined {
  const pid = Number(readIfThere(files.inBundle(id, 'conmon.pid')) ?? 0);
  if (!(pid > 0)) return undefined;
  // The task's id stands in its arguments; a zombie has none.
  const command = readIfThere(`/proc/${pid}/cmdline`);
  return command?.includes(id) === true ? pid : undefined;
}
