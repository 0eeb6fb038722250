import type { Image } from '#domain/image/image.ts';
import type { StageState } from '#domain/build/state.ts';
import type { BuildRun } from '#engine/builds/build-run.ts';
import type { LayerWork } from '#engine/builds/layering.ts';
import type { Sink } from '#engine/builds/output.ts';

/** What an instruction does and how its result is found again. */
export interface Step {
  /** The state after it, without its layer and history. */
  state: StageState;
  /** For `docker history`. */
  comment: string;
  /** Keys under which the result is kept: a cheap one first where there are two. */
  keys: string[];
  /** Changes files: makes a layer. */
  work?: LayerWork;
  /** Docker does it in a container, which is told by this id; here none is needed. */
  container?: string;
}

/** Where a stage stands when an instruction of it is prepared. */
export interface Standing {
  run: BuildRun;
  /** The stage's index in the file. */
  stage: number;
  state: StageState;
  sink: Sink;
  /** The stage's image so far; undefined for scratch. */
  image: Image | undefined;
  /** The key of a step that stands on the stage's image. */
  key: (parts: string[]) => string;
  /** What the cache has under one of the keys. */
  cached: (keys: string[]) => Promise<Image | undefined>;
}
