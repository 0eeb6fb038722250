import { plannedVertices, worksOnFiles } from '#domain/build/vertices.ts';
import type { BuildPlan } from '#domain/build/plan.ts';
import type { Instruction } from '#domain/dockerfile/instruction.ts';
import type { BuildRequest, BuildVertex, Progress, VertexEvent, VertexStatus } from '#engine/contracts.ts';
import type { AlikeVertices } from '#engine/builds/alike-vertices.ts';
import type { Clock } from '#ports/clock.ts';
import { fingerprint, newId } from '#base/ids.ts';
import { messageOf } from '#base/errors.ts';

/** Whom a graph is told to. */
export interface Told {
  emit: BuildRequest['onVertex'];
  clock: Clock;
  /** Of the build. */
  signal: AbortSignal;
}

/** The graph of one build, told to whoever wants it. */
export class Vertices {
  readonly #told: Told;
  readonly #id = newId();
  readonly #alike: AlikeVertices | undefined;
  readonly #byInstruction = new Map<Instruction, Vertex>();
  readonly #ofFrom = new Map<number, Vertex>();
  readonly #last = new Map<number, Vertex>();
  #count = 0;

  /** @param alike what this has in common with the graphs of other platforms */
  constructor(told: Told, alike?: AlikeVertices) {
    this.#told = told;
    this.#alike = alike;
  }

  add(name: string, inputs: readonly Vertex[] = []): Vertex {
    const digest = `sha256:${fingerprint(`${this.#id} ${this.#count++} ${name}`)}`;
    return new Vertex(this.#told, {
      ...{ digest, name, cached: false },
      inputs: inputs.map((input) => input.digest),
    });
  }

  /** Tells of all that the plan has, before it begins. @param platform as `plannedVertices` */
  async enter(plan: BuildPlan, platform?: string): Promise<void> {
    for (const [place, vertices] of plannedVertices(plan, platform).entries()) {
      const stage = plan.stages[place];
      if (stage === undefined) continue;
      let before = stage.base.kind === 'stage' ? this.#last.get(stage.base.index) : undefined;
      for (const { name, instruction, stages } of vertices) {
        const used = stages.flatMap((index) => this.#last.get(index) ?? []);
        const place = instruction === undefined ? -1 : stage.instructions.indexOf(instruction);
        const known = this.#alike?.find(stage.index, place);
        const inputs = [...new Set([...(before === undefined ? [] : [before]), ...used])];
        const vertex = known ?? this.add(name, inputs);
        if (instruction === undefined) this.#ofFrom.set(stage.index, vertex);
        else this.#byInstruction.set(instruction, vertex);
        this.#alike?.add(stage.index, place, vertex);
        if (known === undefined) await vertex.tell();
        before = vertex;
      }
      if (before !== undefined) this.#last.set(stage.index, before);
    }
  }

  /** What the ONBUILD of a stage's base has is known only once the base is there. */
  async addTrigger(stage: number, instruction: Instruction): Promise<void> {
    if (!worksOnFiles(instruction)) return;
    const from = this.#ofFrom.get(stage);
    const vertex = this.add(`ONBUILD ${instruction.text}`, from === undefined ? [] : [from]);
    this.#byInstruction.set(instruction, vertex);
    await vertex.tell();
  }

  /** Of a RUN, COPY, ADD or WORKDIR; undefined for other instructions. */
  of(instruction: Instruction): Vertex | undefined {
    return this.#byInstruction.get(instruction);
  }

  /** Of the FROM of a stage that begins with an image. */
  ofFrom(stage: number): Vertex | undefined {
    return this.#ofFrom.get(stage);
  }
}

/** One node and how far it is. */
export class Vertex {
  readonly #told: Told;
  #state: BuildVertex;
  /** The work, once somebody has begun it. */
  #working: Promise<unknown> | undefined;

  constructor(told: Told, state: BuildVertex) {
    this.#told = told;
    this.#state = state;
  }

  get digest(): string {
    return this.#state.digest;
  }

  async #emit(event: VertexEvent): Promise<void> {
    await this.#told.emit?.(event);
  }

  #now(): number {
    return this.#told.clock.now();
  }

  async tell(): Promise<void> {
    await this.#emit({ kind: 'vertex', vertex: this.#state });
  }

  /**
   * Starts, does the work and completes; `cached` says from what it gave whether it was there before. Of several builds that have it in
   * common the first tells; the others do the same after it, which then is there. What failed once is not begun again.
   */
  async run<T>(work: () => Promise<T>, cached: (result: T) => boolean = () => false): Promise<T> {
    if (this.#working !== undefined) {
      await this.#working;
      return work();
    }
    const working = this.#tellOf(work, cached);
    this.#working = working;
    return working;
  }

  async #tellOf<T>(work: () => Promise<T>, cached: (result: T) => boolean): Promise<T> {
    await this.#change({ started: this.#now() });
    try {
      const result = await work();
      await this.#change({ completed: this.#now(), cached: cached(result) });
      return result;
    } catch (error) {
      // As clients know what was ended because something else failed.
      const message = this.#told.signal.aborted ? 'context canceled' : messageOf(error);
      await this.#change({ completed: this.#now(), error: message });
      throw error;
    }
  }

  async #change(changes: Partial<BuildVertex>): Promise<void> {
    this.#state = { ...this.#state, ...changes };
    await this.tell();
  }

  async log(stream: 1 | 2, data: Uint8Array): Promise<void> {
    await this.#emit({ kind: 'log', vertex: this.digest, stream, time: this.#now(), data });
  }

  async status(status: Omit<VertexStatus, 'time'>): Promise<void> {
    const time = this.#now();
    await this.#emit({ kind: 'status', vertex: this.digest, status: { ...status, time } });
  }

  /** Something small that is done: `naming to app:1`. */
  async note(id: string): Promise<void> {
    const now = this.#now();
    await this.status({ id, current: 0, total: 0, started: now, completed: now });
  }

  /** A line of Docker's progress stream as far as it says how much of a layer is there. */
  async progress({ id, status, progressDetail }: Progress): Promise<void> {
    if (id === undefined || status === undefined) return;
    const { current = 0, total = 0 } = progressDetail ?? {};
    await this.status({ id: `${status.toLowerCase()} ${id}`, current, total });
  }
}
