import { setTimeout as delay } from 'node:timers/promises';
import { internal } from '#base/errors.ts';
import type { Cgroups } from '#ports/cgroups.ts';
import type { TaskFiles, TaskRecord } from './bundle.ts';
import type { OciRuntime } from './oci-runtime.ts';
import { isAlive, kill, livingMonitor } from './processes.ts';

const patience = 10_000;

export interface RemovalParts {
  files: TaskFiles;
  runtime: OciRuntime;
  cgroups: Cgroups;
}

/**
 * Ends whatever a task left and removes its control groups and files; what is missing already is fine. The kernel
 * tells nobody when a group of version 1 runs empty, so its emptiness is looked for in growing intervals.
 */
export async function removeTask(parts: RemovalParts, id: string): Promise<void> {
  const record = parts.files.readRecord(id);
  if (record !== undefined) {
    await endTask(parts, id, record);
    await parts.cgroups.remove(record.cgroupPath);
  }
  parts.files.remove(id);
}

/** Kills what still runs of a task and returns when it is gone. @throws internal `task-not-ended` */
export async function endTask(parts: RemovalParts, id: string, { cgroupPath }: TaskRecord): Promise<void> {
  if (await parts.cgroups.isFrozen(cgroupPath)) await parts.runtime.run('resume', id);
  await endProcesses(parts, id, cgroupPath);
}

async function endProcesses(
  { files, cgroups, runtime }: RemovalParts,
  id: string,
  path: string,
): Promise<void> {
  const deadline = performance.now() + patience;
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    const left = await cgroups.processes(path);
    for (const pid of left) kill(pid, 'SIGKILL');
    const main = runtime.state(id);
    const mainLives = main !== undefined && isAlive(main);
    if (
      left.length === 0 &&
      !mainLives &&
      !monitorLives(files, id, performance.now() > deadline - patience / 2)
    )
      return;
    if (performance.now() > deadline)
      throw internal('task-not-ended', `delete task ${id}: processes ${left.join(', ')} do not end`);
    await delay(pause);
  }
}

/**
 * conmon ends by itself after it has written the exit; one that hangs on a client that does not read is ended
 * when half of the time is over.
 */
function monitorLives(files: TaskFiles, id: string, force: boolean): boolean {
  const pid = livingMonitor(files, id);
  if (pid === undefined) return false;
  if (force) kill(pid, 'SIGKILL');
  return true;
}
