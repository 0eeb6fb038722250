import type { BuildVertex, VertexEvent } from '#engine/contracts.ts';
import { messageOf } from '#base/errors.ts';
import { fingerprint, newId } from '#base/ids.ts';

/** Tells of a step while it runs. */
export interface Step {
  /** `current`: bytes so far. */
  status(id: string, current: number): Promise<void>;
}

export interface Narrator {
  now: () => number;
  tell: (event: VertexEvent) => Promise<void>;
}

/** Runs what is no step of the Dockerfile as a vertex of the client's display: `[internal] load build context`. */
export async function narrated<T>(
  { now, tell }: Narrator,
  name: string,
  work: (step: Step) => Promise<T>,
): Promise<T> {
  const digest = `sha256:${fingerprint(`${name} ${newId()}`)}`;
  const started = now();
  const vertex: BuildVertex = { digest, name, inputs: [], started, cached: false };
  const open = new Map<string, { current: number; total: number; started: number }>();
  const status = async (id: string, current: number): Promise<void> => {
    const time = now();
    const begun = open.get(id)?.started ?? time;
    open.set(id, { current, total: 0, started: begun });
    await tell({ kind: 'status', vertex: digest, status: { id, current, total: 0, time, started: begun } });
  };
  await tell({ kind: 'vertex', vertex });
  try {
    const result = await work({ status });
    const time = now();
    for (const [id, last] of open)
      await tell({ kind: 'status', vertex: digest, status: { id, ...last, time, completed: time } });
    await tell({ kind: 'vertex', vertex: { ...vertex, completed: now() } });
    return result;
  } catch (error) {
    await tell({ kind: 'vertex', vertex: { ...vertex, completed: now(), error: messageOf(error) } });
    throw error;
  }
}
