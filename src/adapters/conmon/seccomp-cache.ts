import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint } from '#base/ids.ts';
import type { RuntimeSpec } from '#domain/container/runtime-spec.ts';
import type { TaskFiles } from './bundle.ts';

/** crun takes a compiled filter from here (base64) instead of compiling the rules: crun(1). */
const annotation = 'run.oci.seccomp_bpf_data';

/** Rules differ by capabilities only, so an instance has a handful of filters; more are not kept. */
const capacity = 64;

/**
 * Compiling the default rules takes about 8 ms of each start. crun leaves the filter that it compiled in its state
 * folder; the next task with the same rules is given that.
 */
export class SeccompCache {
  readonly #files: TaskFiles;
  readonly #filters = new Map<string, string>();

  constructor(files: TaskFiles) {
    this.#files = files;
  }

  /** The specification with the filter, when it is known. */
  prepare(spec: RuntimeSpec): RuntimeSpec {
    const filter = this.#filters.get(keyOf(spec));
    if (filter === undefined || spec.annotations?.[annotation] !== undefined) return spec;
    return { ...spec, annotations: { ...spec.annotations, [annotation]: filter } };
  }

  /** Keeps the filter of a task that was made. */
  learn(id: string, spec: RuntimeSpec): void {
    const key = keyOf(spec);
    if (spec.linux.seccomp === undefined || this.#filters.has(key) || this.#filters.size >= capacity) return;
    if (spec.annotations?.[annotation] !== undefined) return;
    const filter = readFileSync(join(this.#files.state(id), 'seccomp.bpf'));
    if (filter.length > 0) this.#filters.set(key, filter.toString('base64'));
  }
}

function keyOf(spec: RuntimeSpec): string {
  return fingerprint(JSON.stringify(spec.linux.seccomp ?? null));
}
