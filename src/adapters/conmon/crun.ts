import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { conflict, systemCode } from '#base/errors.ts';
import type { ExecProcess } from '#ports/runtime.ts';
import { readIfThere, type TaskFiles } from './bundle.ts';
import { startExec, type ExecRequest } from './exec.ts';
import { OciRuntime, type OciState } from './oci-runtime.ts';

/** crun (1.8.1 and later). */
export class Crun extends OciRuntime {
  readonly name = 'crun';

  get options(): string[] {
    return ['--root', this.root, '--cgroup-manager=cgroupfs'];
  }

  state(id: string): OciState | undefined {
    const text = readIfThere(join(this.root, id, 'status'));
    if (text === undefined || text === '') return undefined;
    const parse: (text: string) => Record<string, unknown> = JSON.parse;
    const state = parse(text);
    return { pid: Number(state.pid), startTime: String(state['process-start-time']) };
  }

  /** What `crun start` does, without a process. */
  release(id: string): void {
    const fifo = this.#openFifo(id);
    if (fifo === undefined)
      throw conflict('task-not-created', `start task ${id}: its main process does not wait for a start`);
    try {
      writeSync(fifo, '0');
    } finally {
      closeSync(fifo);
    }
    unlinkSync(this.fifo(id));
  }

  /** Undefined when nobody reads from it. */
  #openFifo(id: string): number | undefined {
    try {
      return openSync(this.fifo(id), constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ENXIO') return undefined;
      throw error;
    }
  }

  exec(files: TaskFiles, request: ExecRequest): Promise<ExecProcess> {
    return startExec(this, files, request);
  }
}
