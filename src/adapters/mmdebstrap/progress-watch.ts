import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { namesIfThere } from '#adapters/files/if-there.ts';

/** Milliseconds between two looks. */
const period = 5000;

export interface Watched {
  /** Folders in which the work makes files. */
  folders: readonly string[];
  /** Milliseconds without any sign of progress after which the work is ended; asked at each look. */
  patience: () => number;
  signal: AbortSignal;
  /** Why it was ended. */
  failure: () => Error;
}

/**
 * Ends work that makes no progress any more: it says nothing, and its files stay as they are. apt waits for ever when the disk was
 * full while it wrote what it fetched.
 * @param work is told when to end by its signal, and calls `alive` when it says something
 * @throws `failure`, or what the work throws
 */
export async function whileProgressing<T>(
  { folders, patience, signal, failure }: Watched,
  work: (signal: AbortSignal, alive: () => void) => Promise<T>,
  every = period,
): Promise<T> {
  const stalled = new AbortController();
  let why: Error | undefined;
  let [since, before] = [performance.now(), ''];
  const look = async (): Promise<void> => {
    const now = await filesOf(folders);
    if (now !== before) [since, before] = [performance.now(), now];
    else if (performance.now() - since > patience()) stalled.abort((why ??= failure()));
  };
  // What cannot be looked at now can be at the next look.
  const timer = setInterval(() => void look().catch(() => undefined), every);
  try {
    return await work(AbortSignal.any([signal, stalled.signal]), () => (since = performance.now()));
  } catch (error) {
    throw why ?? error;
  } finally {
    clearInterval(timer);
  }
}

/** Names and sizes. */
async function filesOf(folders: readonly string[]): Promise<string> {
  const lines = await Promise.all(
    folders.map(async (folder) => {
      const names = await namesIfThere(folder);
      return Promise.all(names.map(async (name) => `${name} ${(await stat(join(folder, name))).size}`));
    }),
  );
  return lines.flat().join('\n');
}
