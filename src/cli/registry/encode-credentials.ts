import type { RegistryCredentials } from '#api/types/registries.ts';

/** Docker's header X-Registry-Auth. */
export function encodeCredentials(credentials: RegistryCredentials): string {
  return Buffer.from(JSON.stringify(credentials)).toString('base64url');
}
