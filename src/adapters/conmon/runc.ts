import { join } from 'node:path';
import { conflict, messageOf } from '#base/errors.ts';
import type { ExecProcess } from '#ports/runtime.ts';
import { readIfThere, type TaskFiles } from './bundle.ts';
import type { ExecRequest } from './exec.ts';
import { OciRuntime, type OciState } from './oci-runtime.ts';
import { startRuncExec } from './runc-exec.ts';

/** runc (1.1 and later). */
export class Runc extends OciRuntime {
  readonly name = 'runc';

  get options(): string[] {
    return ['--root', this.root];
  }

  state(id: string): OciState | undefined {
    const text = readIfThere(join(this.root, id, 'state.json'));
    if (text === undefined || text === '') return undefined;
    const parse: (text: string) => Record<string, unknown> = JSON.parse;
    const state = parse(text);
    return { pid: Number(state['init_process_pid']), startTime: String(state['init_process_start']) };
  }

  async release(id: string): Promise<void> {
    try {
      await this.run('start', id);
    } catch (error) {
      throw conflict('task-not-created', `start task ${id}: ${messageOf(error)}`, { cause: error });
    }
  }

  exec(files: TaskFiles, request: ExecRequest): Promise<ExecProcess> {
    return startRuncExec(this, files, request);
  }
}
