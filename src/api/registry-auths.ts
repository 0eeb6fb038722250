import { Type, type Static } from 'typebox';
import type { PullOptions } from '#engine/contracts.ts';

export const RegistryAuth = Type.Object({
  username: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
  identitytoken: Type.Optional(Type.String()),
  registrytoken: Type.Optional(Type.String()),
});

type Auth = NonNullable<PullOptions['auth']>;

/** Credentials by registry, as clients key them. */
export function authsOf(found: Record<string, Static<typeof RegistryAuth>>): Record<string, Auth> {
  return Object.fromEntries(
    Object.entries(found).map(([name, auth]) => [
      registryName(name),
      {
        ...(auth.username ? { username: auth.username } : {}),
        ...(auth.password ? { password: auth.password } : {}),
        ...(auth.identitytoken ? { identityToken: auth.identitytoken } : {}),
        ...(auth.registrytoken ? { registryToken: auth.registrytoken } : {}),
      },
    ]),
  );
}

/** `https://index.docker.io/v1/` is how clients write `docker.io`. */
function registryName(key: string): string {
  const host = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === 'index.docker.io' ? 'docker.io' : host;
}
