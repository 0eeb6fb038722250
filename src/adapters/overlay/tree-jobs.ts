import type { Digest } from '#domain/image/digest.ts';
import type { LayerBound } from '#domain/image/layer-limit.ts';
import type { IdMappings } from '#domain/user-namespace/id-mappings.ts';
import type { Change } from '#ports/snapshotter.ts';

// The jobs of the snapshotter's workers, and what they give.

export interface TarRules {
  /** Seconds; later times become this one. */
  epoch: number | undefined;
  /** Paths that are left out, with all below them. */
  without: readonly string[];
  /** From the ids of containers to those on disk; absent: they are the same. */
  mappings: IdMappings | undefined;
}

export interface UnpackRules {
  /** Absent: owners are the same on disk. */
  mappings: IdMappings | undefined;
  bound: LayerBound | undefined;
}

export type TreeJob =
  /** Chunks of the layer follow, packed or plain; then it is complete. */
  | ({ do: 'unpack'; folder: string } & UnpackRules)
  /** Each `pull` is answered by a chunk, until one without bytes. */
  | ({ do: 'tar'; upper: string } & TarRules)
  | { do: 'changes'; upper: string; lower: string }
  | { do: 'size'; folder: string }
  /**
   * `last`: when nobody else wants a processor, now and for all jobs that the worker does later. What is there when the flag
   * turns to 1 stays.
   */
  | { do: 'remove'; folder: string; last: boolean; stop: Int32Array<SharedArrayBuffer> };

export interface Unpacked {
  diffId: Digest;
  size: number;
}

export type TreeResult =
  { of: 'unpack'; unpacked: Unpacked } | { of: 'changes'; changes: Change[] } | { of: 'size'; size: number };
