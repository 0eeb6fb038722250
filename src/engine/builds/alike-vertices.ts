import type { Vertex } from '#engine/builds/vertices.ts';

/** The vertices that builds for several platforms have in common: who comes to one first tells of it. */
export class AlikeVertices {
  readonly #steps: ReadonlyMap<number, number>;
  readonly #known = new Map<string, Vertex>();

  /** @param steps as `alikeSteps` gives them */
  constructor(steps: ReadonlyMap<number, number>) {
    this.#steps = steps;
  }

  /** Of the instruction at a place of a stage, or of its FROM where that is -1; undefined where it is not there yet. */
  find(stage: number, place: number): Vertex | undefined {
    return this.#known.get(`${stage} ${place}`);
  }

  /** Unless each platform has its own. */
  add(stage: number, place: number, vertex: Vertex): void {
    if (place < (this.#steps.get(stage) ?? -1)) this.#known.set(`${stage} ${place}`, vertex);
  }
}
