import { existsSync } from 'node:fs';
import type { RuntimeName, TaskFiles } from './bundle.ts';
import { Crun } from './crun.ts';
import type { OciRuntime } from './oci-runtime.ts';
import { Runc } from './runc.ts';

/** The OCI runtimes of one instance: crun, and runc for tasks that ask for it. */
export class OciRuntimes {
  readonly #files: TaskFiles;
  readonly #crun: Crun;
  readonly #runc: Runc;
  readonly #runcProgram: string;

  /** @param programs absolute paths; the defaults are where Debian has them */
  constructor(
    files: TaskFiles,
    { crun = '/usr/bin/crun', runc = '/usr/sbin/runc' }: Partial<Record<RuntimeName, string>>,
  ) {
    this.#files = files;
    this.#crun = new Crun(crun, files.roots.crun);
    this.#runc = new Runc(runc, files.roots.runc);
    this.#runcProgram = runc;
  }

  /** Those that the host has. */
  get names(): readonly RuntimeName[] {
    return existsSync(this.#runcProgram) ? ['crun', 'runc'] : ['crun'];
  }

  /** crun for every other name. */
  named(name: string | undefined): OciRuntime {
    return name === 'runc' ? this.#runc : this.#crun;
  }

  /** Of a task that exists; of others nothing is known, so it does not matter. */
  of(id: string): OciRuntime {
    return this.named(this.#files.readRecord(id)?.runtime);
  }

  /** Nothing can be started any more. */
  close(): void {
    this.#crun.close();
    this.#runc.close();
  }
}
