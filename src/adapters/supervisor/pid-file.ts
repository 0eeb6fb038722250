import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, unavailable } from '#base/errors.ts';

/**
 * Says in the run folder which process the daemon is, until it is removed.
 * @throws unavailable `run-unusable`
 */
export async function writePidFile(run: string): Promise<{ remove: () => Promise<void> }> {
  const path = join(run, 'daemon.pid');
  try {
    await mkdir(run, { recursive: true, mode: 0o711 });
    await writeFile(path, `${process.pid}\n`);
  } catch (error) {
    throw unavailable('run-unusable', `the run folder '${run}' cannot be used: ${messageOf(error)}`, {
      cause: error,
      hint: 'set run (or BERTH_RUN) to a folder that can be written, such as one below /run',
    });
  }
  return { remove: () => rm(path, { force: true }) };
}
