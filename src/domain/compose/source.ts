import type { Lookup } from './interpolate.ts';
import type { Position } from './problem.ts';

/** A file of the project, as one of its uses: the same file may be used again from elsewhere. */
export interface Source {
  /** What messages call it. */
  name: string;
  /** Absolute: where relative paths in it begin. */
  folder: string;
  /** The variables that hold in it. */
  lookup: Lookup;
  /** How it came in, outermost first; empty for a file that a person named. */
  via: readonly Via[];
}

export interface Via {
  how: 'included' | 'extended';
  at: Position;
}
