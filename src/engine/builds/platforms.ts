import type { BuildRequest } from '#engine/contracts.ts';
import { unsupported } from '#base/errors.ts';

/** Several, each once; undefined for a build for one. */
export function severalPlatforms({ platforms = [] }: BuildRequest): string[] | undefined {
  const each = [...new Set(platforms)];
  return each.length > 1 ? each : undefined;
}

/** @throws unsupported `build-option-unsupported` for several */
export function forOnePlatform(request: BuildRequest): BuildRequest {
  const [platform, ...more] = new Set(request.platforms ?? []);
  if (more.length > 0) throw refused('verifying');
  return platform === undefined ? request : { ...request, platform };
}

function refused(what: string): Error {
  return unsupported('build-option-unsupported', `${what} of a build for several platforms is not offered`);
}

/**
 * What a build for several platforms cannot have: only an index holds them all.
 * @throws unsupported `build-option-unsupported`
 */
export function checkPlatforms({ outputs = [], context, contexts = {} }: BuildRequest): void {
  if ([context, ...Object.values(contexts)].some((each) => 'tar' in each))
    throw refused('a context that can be read only once');
  for (const output of outputs) if (output.kind === 'docker') throw refused(`the output '${output.kind}'`);
}
