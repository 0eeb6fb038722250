import { existsSync, type FSWatcher, statSync, watch } from 'node:fs';
import { link, rm, writeFile } from 'node:fs/promises';
import { systemCode } from '#base/errors.ts';
import { readIfThere, type TaskFiles } from './bundle.ts';
import type { OciRuntime } from './oci-runtime.ts';
import { isAlive, livingMonitor } from './processes.ts';

export interface ExitRecord {
  exitCode: number;
  /** RFC 3339 with nanoseconds. */
  exitedAt: string;
}

/** What Docker shows for a task whose shim was killed: that of SIGKILL. */
const lostExitCode = 137;

/** The exit that conmon wrote of a task, after all its output was in the log; undefined while it runs. */
export function readExit(files: TaskFiles, id: string): ExitRecord | undefined {
  const text = readIfThere(files.exit(id));
  if (text === undefined || text === '') return undefined;
  const written = statSync(files.exit(id), { bigint: true, throwIfNoEntry: false });
  return written && { exitCode: Number(text), exitedAt: timestamp(written.mtimeNs) };
}

/**
 * The exit of a task whose monitor was killed before it could write one: 137, now. Undefined when the monitor lives,
 * or the main process does.
 */
export function lostExit(files: TaskFiles, runtime: OciRuntime, id: string): ExitRecord | undefined {
  const main = runtime.state(id);
  if (main === undefined || isAlive(main) || livingMonitor(files, id) !== undefined) return undefined;
  const now = timestamp(BigInt(Date.now()) * 1_000_000n);
  // It may have written the exit while we looked.
  return readExit(files, id) ?? { exitCode: lostExitCode, exitedAt: now };
}

/** Writes the exit that a monitor could not write, unless it did. */
export async function writeLostExit(files: TaskFiles, id: string): Promise<void> {
  const draft = `${files.exit(id)}.lost`;
  await writeFile(draft, String(lostExitCode), { mode: 0o600 });
  try {
    await link(draft, files.exit(id));
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

function timestamp(nanoseconds: bigint): string {
  const seconds = new Date(Number(nanoseconds / 1_000_000n)).toISOString().slice(0, 19);
  return `${seconds}.${(nanoseconds % 1_000_000_000n).toString().padStart(9, '0')}Z`;
}

/** Tells of each new exit file once. conmon writes a temporary file and renames it, so it is complete. */
export class ExitWatcher {
  readonly #watcher: FSWatcher;
  readonly #seen = new Set<string>();
  readonly #awaited = new Map<string, PromiseWithResolvers<void>>();

  constructor(files: TaskFiles, onExit: (id: string) => void) {
    this.#watcher = watch(files.exits, (_event, name) => {
      // The temporary files carry a suffix.
      if (name === null || name.includes('.') || this.#seen.has(name)) return;
      // Its removal is an event too, which may come after the task was forgotten.
      if (!existsSync(files.exit(name))) return;
      this.#seen.add(name);
      this.#awaited.get(name)?.resolve();
      onExit(name);
    });
  }

  /** Resolves when the exit of a task, which is not there yet, has come, or after `patience` milliseconds. */
  async next(id: string, patience: number): Promise<void> {
    const awaited = this.#awaited.get(id) ?? Promise.withResolvers<void>();
    this.#awaited.set(id, awaited);
    const timer = setTimeout(awaited.resolve, patience);
    await awaited.promise;
    this.#awaited.delete(id);
    clearTimeout(timer);
  }

  /** The task is gone; a new one with the same id may come. */
  forget(id: string): void {
    this.#seen.delete(id);
  }

  close(): void {
    this.#watcher.close();
  }
}
