import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { conflict, internal, systemCode } from '#base/errors.ts';
import { SealedProgram } from '#adapters/linux/sealed-program.ts';
import { readIfThere } from './bundle.ts';

/** What crun writes of a container in its state folder. */
export interface CrunState {
  pid: number;
  /** Clock ticks after boot: field 22 of /proc/PID/stat. Tells a process from a later one with the same id. */
  startTime: string;
}

/** crun (1.8.1 and later) with one root folder. */
export class Crun {
  readonly #program: SealedProgram;
  readonly root: string;

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

  /** What goes before every command. */
  get options(): string[] {
    return ['--root', this.root, '--cgroup-manager=cgroupfs'];
  }

  /** Runs a command that ends soon. @throws internal `runtime-failed` with crun's own words */
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
        else reject(internal('runtime-failed', `crun ${args.join(' ')}: ${stderr.trim() || error.message}`));
      });
    });
  }

  /** Undefined when crun knows no such container. */
  state(id: string): CrunState | undefined {
    const text = readIfThere(join(this.root, id, 'status'));
    if (text === undefined || text === '') return undefined;
    const parse: (text: string) => Record<string, unknown> = JSON.parse;
    const state = parse(text);
    return { pid: Number(state.pid), startTime: String(state['process-start-time']) };
  }

  /**
   * Whether the main process still waits for its start: it holds a FIFO until then. That must not be opened to find
   * out, because a writer that comes and goes makes the waiting process fail.
   */
  async isWaiting(id: string, pid: number): Promise<boolean> {
    const fifo = await identity(this.#fifo(id));
    if (fifo === undefined) return false;
    const folder = `/proc/${pid}/fd`;
    const names = await readdir(folder).catch(() => []);
    const held = await Promise.all(names.map((name) => identity(join(folder, name))));
    return held.includes(fifo);
  }

  /** What `crun start` does, without a process. @throws conflict `task-not-created` */
  release(id: string): void {
    const fifo = this.#openFifo(id);
    if (fifo === undefined)
      throw conflict('task-not-created', `start task ${id}: its main process does not wait for a start`);
    try {
      writeSync(fifo, '0');
    } finally {
      closeSync(fifo);
    }
    unlinkSync(this.#fifo(id));
  }

  /** Undefined when nobody reads from it. */
  #openFifo(id: string): number | undefined {
    try {
      return openSync(this.#fifo(id), constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ENXIO') return undefined;
      throw error;
    }
  }

  #fifo(id: string): string {
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
