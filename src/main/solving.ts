import { Sessions } from '#engine/sessions/sessions.ts';
import { Uploads } from '#engine/sessions/uploads.ts';
import { ResultFiles } from '#engine/solves/result-files.ts';
import { Solves } from '#engine/solves/solves.ts';
import type { Adapters } from '#main/adapters.ts';
import type { Engine } from '#main/engine.ts';

/** The builds that clients of BuildKit's protocol steer. */
export function openSolving(adapters: Adapters, { builds, images }: Engine) {
  const sessions = new Sessions(adapters);
  const uploads = new Uploads(adapters);
  const resultFiles = new ResultFiles(adapters);
  return { sessions, uploads, resultFiles, solves: new Solves({ ...adapters, builds, images, sessions }) };
}
