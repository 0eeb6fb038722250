import type { BuildRequest } from '#engine/contracts.ts';
import type { Credentials } from '#ports/registry-client.ts';

/** What a build has for a registry: of its request, else from who asked for it. */
export async function credentialsFor(
  { auths, credentials }: Pick<BuildRequest, 'auths' | 'credentials'>,
  registry: string,
): Promise<Credentials | undefined> {
  return auths?.[registry] ?? (await credentials?.(registry));
}
