import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { internal } from '#base/errors.ts';
import { SealedProgram } from '#adapters/linux/sealed-program.ts';
import type { ExecProcess } from '#ports/runtime.ts';
import type { RuntimeName, TaskFiles } from './bundle.ts';
import type { ExecRequest } from './exec.ts';

/** What an OCI runtime writes of a container in its state folder. */
export interface OciState {
  pid: number;
  /** Clock ticks after boot: field 22 of /proc/PID/stat. Tells a process from a later one with the same id. */
  startTime: string;
}

/** An OCI runtime with one root folder. */
export abstract class OciRuntime {
  abstract readonly name: RuntimeName;
  /** What goes before every command. */
  abstract readonly options: string[];
  readonly root: string;
  readonly #program: SealedProgram;

  constructor(program: string, root: string) {
    this.#program = new SealedProgram(program);
    this.root = root;
  }

  /** What to start; while this process lives, others can start it too. */
  get program(): string {
    return this.#program.path;
  }

  /** Nothing can be started any more. */
  close(): void {
    this.#program.close();
  }

  /** Runs a command that ends soon. @throws internal `runtime-failed` with the runtime's own words */
  run(command: string, ...args: string[]): Promise<string> {
    return this.#execute([...this.options, command, ...args]);
  }

  async version(): Promise<{ version: string; commit: string }> {
    const text = await this.#execute(['--version']);
    const version = /version (\S+)/.exec(text)?.[1] ?? 'unknown';
    return { version, commit: /commit: (\S+)/.exec(text)?.[1] ?? '' };
  }

  #execute(args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(this.program, args, { encoding: 'utf8' }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else
          reject(
            internal('runtime-failed', `${this.name} ${args.join(' ')}: ${stderr.trim() || error.message}`),
          );
      });
    });
  }

  /** Undefined when the runtime knows no such container. */
  abstract state(id: string): OciState | undefined;

  /** Lets the main process go. @throws conflict `task-not-created` */
  abstract release(id: string): void | Promise<void>;

  /** As Runtime.exec. */
  abstract exec(files: TaskFiles, request: ExecRequest): Promise<ExecProcess>;

  /**
   * Whether the main process still waits for its start: it holds a FIFO until then. That must not be opened to find
   * out, because a writer that comes and goes makes the waiting process fail.
   */
  async isWaiting(id: string, pid: number): Promise<boolean> {
    const fifo = await identity(this.fifo(id));
    if (fifo === undefined) return false;
    const folder = `/proc/${pid}/fd`;
    const names = await readdir(folder).catch(() => []);
    const held = await Promise.all(names.map((name) => identity(join(folder, name))));
    return held.includes(fifo);
  }

  protected fifo(id: string): string {
    return join(this.root, id, 'exec.fifo');
  }
}

/** What tells a file from all others, whatever its path; undefined when it is gone. */
async function identity(path: string): Promise<string | undefined> {
  return stat(path).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => undefined,
  );
}
