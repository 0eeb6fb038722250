import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { timed } from './measure.ts';

interface Bundle {
  process: { terminal: boolean; args: string[] };
  root: { path: string; readonly: boolean };
  linux: { namespaces: { type: string }[] };
}

/** How many short lines a container writes into its log. */
export const logLines = 300_000;

/** Plain crun on the same root file system: what the kernel and the OCI runtime cost without any engine. */
export class Floor {
  readonly #dir: string;
  readonly version: string;
  readonly #running = new Set<string>();
  #count = 0;

  private constructor(dir: string, version: string) {
    this.#dir = dir;
    this.version = version;
  }

  static async make(dir: string, root: string): Promise<Floor> {
    const version = (await timed(['crun', '--version'])).stdout.split('\n')[0] ?? '';
    for (const network of ['own', 'host'] as const)
      for (const [kind, args] of [
        ['true', ['true']],
        ['idle', ['sleep', '600']],
        ['lines', ['seq', '1', String(logLines)]],
      ] as const)
        await writeBundle(join(dir, `${network}-${kind}`), root, network, [...args]);
    return new Floor(dir, version);
  }

  async run(network: 'own' | 'host'): Promise<number> {
    return (await timed([...this.#crun, 'run', '--bundle', join(this.#dir, `${network}-true`), this.#id()]))
      .ms;
  }

  /** The lines of the scenario of logs, which nobody keeps here. */
  async lines(): Promise<number> {
    return (await timed([...this.#crun, 'run', '--bundle', join(this.#dir, 'own-lines'), this.#id()])).ms;
  }

  /** Starts an idle container and gives its id. */
  async idle(): Promise<string> {
    const id = this.#id();
    // Its stdio must not be ours: a pipe that the container keeps would never end.
    const start = `exec ${this.#crun.join(' ')} run --detach --bundle ${join(this.#dir, 'own-idle')} ${id} </dev/null >/dev/null 2>&1`;
    await timed(['sh', '-c', start]);
    this.#running.add(id);
    return id;
  }

  async exec(id: string): Promise<number> {
    return (await timed([...this.#crun, 'exec', id, 'true'])).ms;
  }

  async remove(ids: string[]): Promise<void> {
    for (const id of ids) {
      await timed([...this.#crun, 'delete', '--force', id]);
      this.#running.delete(id);
    }
  }

  /** Removes what still runs. */
  close(): Promise<void> {
    return this.remove([...this.#running]);
  }

  get #crun(): string[] {
    return ['crun', '--root', join(this.#dir, 'state'), '--cgroup-manager=cgroupfs'];
  }

  #id(): string {
    return `bench-${process.pid}-${this.#count++}`;
  }
}

async function writeBundle(
  dir: string,
  root: string,
  network: 'own' | 'host',
  args: string[],
): Promise<void> {
  await mkdir(dir, { recursive: true });
  await timed(['sh', '-c', `cd '${dir}' && rm -f config.json && crun spec`]);
  const parse: (text: string) => Bundle = JSON.parse;
  const spec = parse((await timed(['cat', join(dir, 'config.json')])).stdout);
  spec.process = { ...spec.process, terminal: false, args };
  spec.root = { path: root, readonly: true };
  if (network === 'host')
    spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== 'network');
  await writeFile(join(dir, 'config.json'), JSON.stringify(spec));
}
