import type { BuildRequest } from '#engine/contracts.ts';
import { unsupported } from '#base/errors.ts';

/** Options of a request that this engine does not honour: naming one is an error, so that none is dropped in silence. */
const unhonoured = ['attest'] as const satisfies (keyof BuildRequest)[];

/** @throws unsupported `build-option-unsupported` with the option's name */
export function refuseUnhonoured(request: BuildRequest): void {
  for (const name of unhonoured) {
    const value = request[name];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    throw unsupported('build-option-unsupported', `the option '${name}' of a build is not offered`);
  }
}
