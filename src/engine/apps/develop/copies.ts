import { messageOf } from '#base/errors.ts';
import { topmost, type Mapping } from '#domain/develop/batch.ts';
import type { Container } from '#domain/container/container.ts';
import { replicasOfApp } from '#engine/apps/observe.ts';
import type { AppParts } from '#engine/apps/parts.ts';
import type { EmitWatch } from './events.ts';

const shownPaths = 5;

/** What became of a batch in one container. */
interface Copied {
  paths: string[];
  removed: number;
}

/** Brings the files of a session into the replicas of services, and into those that come later all that came before. */
export class Copies {
  readonly #parts: Pick<AppParts, 'containers' | 'tree'>;
  readonly #app: string;
  readonly #emit: EmitWatch;
  /** By service and target: all that was ever copied. */
  readonly #copied = new Map<string, Map<string, Mapping>>();
  /** Ids of the containers that have it all. */
  readonly #current = new Set<string>();

  constructor(parts: Pick<AppParts, 'containers' | 'tree'>, app: string, emit: EmitWatch) {
    this.#parts = parts;
    this.#app = app;
    this.#emit = emit;
    for (const { id } of replicasOfApp(parts, app)) this.#current.add(id);
  }

  /** Whether a container lacks what was copied before it came. */
  lacks({ id, identity, state }: Container): boolean {
    return (
      identity?.app === this.#app &&
      identity.run === undefined &&
      state.status === 'running' &&
      !this.#current.has(id) &&
      this.#copied.has(identity.service)
    );
  }

  /**
   * The present state of the paths, into all replicas. What cannot be copied is told.
   * @param replaced paths of folders that went away, whatever is there now
   */
  async copy(service: string, mappings: readonly Mapping[], replaced: ReadonlySet<string>): Promise<void> {
    const known = this.#copied.get(service) ?? new Map<string, Mapping>();
    this.#copied.set(service, known);
    for (const one of mappings) known.set(one.target, one);
    const replicas = this.#replicas(service);
    const done = await Promise.all(
      replicas.map((one) =>
        this.#copyInto(one, service, this.#current.has(one.id) ? mappings : known, replaced),
      ),
    );
    const most = done.flatMap((one) => one ?? []);
    if (most.length === 0) return;
    const { paths, removed } = most.reduce((one, other) =>
      one.paths.length + one.removed < other.paths.length + other.removed ? other : one,
    );
    if (paths.length + removed === 0) return;
    const shown = paths.slice(0, shownPaths);
    const figures = { copied: paths.length, removed, replicas: most.length };
    this.#emit({ type: 'copied', service, ...figures, paths: shown });
  }

  /** Into containers that came meanwhile. */
  async catchUp(): Promise<void> {
    for (const container of replicasOfApp(this.#parts, this.#app)) {
      if (!this.lacks(container)) continue;
      const service = container.identity?.service ?? '';
      await this.#copyInto(container, service, this.#copied.get(service) ?? new Map(), new Set());
    }
  }

  #replicas(service: string): Container[] {
    return replicasOfApp(this.#parts, this.#app).filter(
      ({ identity, traffic }) => identity?.service === service && traffic !== 'draining',
    );
  }

  async #copyInto(
    container: Container,
    service: string,
    wanted: readonly Mapping[] | ReadonlyMap<string, Mapping>,
    replaced: ReadonlySet<string>,
  ): Promise<Copied | undefined> {
    const mappings = [...wanted.values()];
    try {
      const copied = await this.#bring(container, service, mappings, replaced);
      this.#current.add(container.id);
      return copied;
    } catch (error) {
      // One that an update has taken away meanwhile needs nothing any more.
      if (this.#parts.containers.find(container.id) === undefined) return undefined;
      const message = `the files were not copied into ${container.name}: ${messageOf(error)}`;
      this.#emit({ type: 'problem', service, message });
      return undefined;
    }
  }

  async #bring(
    { id, name }: Container,
    service: string,
    mappings: readonly Mapping[],
    replaced: ReadonlySet<string>,
  ): Promise<Copied> {
    const { containers, tree } = this.#parts;
    const missing = await tree.missing(mappings.map(({ path }) => path));
    const gone = mappings.filter(({ path }) => missing.has(path) || replaced.has(path));
    const removed = await containers.removePaths(
      id,
      topmost(gone.map(({ target }) => target).filter((target) => target !== '/')),
    );
    const present = mappings.filter(({ path }) => !missing.has(path));
    const paths: string[] = [];
    if (present.length > 0) {
      const members = present.map((one) => ({
        path: one.path,
        name: one.target.slice(1),
        isFrame: one.isRoot,
      }));
      const archive = tree.pack(members, {
        packed: (path) => paths.push(path),
        problem: (path, message) =>
          this.#emit({
            type: 'problem',
            service,
            message: `'${path}' was not copied into ${name}: ${message}`,
          }),
      });
      await containers.unpackPath(id, '/', archive, { keepKinds: false, copyOwners: true });
    }
    return { paths, removed };
  }
}
