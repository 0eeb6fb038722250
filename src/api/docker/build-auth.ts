import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { invalid } from '#base/errors.ts';
import type { BuildRequest } from '#engine/contracts.ts';

const Auth = Type.Object({
  username: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
  identitytoken: Type.Optional(Type.String()),
  registrytoken: Type.Optional(Type.String()),
});
const Auths = Type.Record(Type.String(), Auth);

/**
 * The header X-Registry-Config: credentials by registry, base64url of JSON.
 * @throws invalid `registry-config-invalid`
 */
export function readRegistryConfig(
  header: string | string[] | undefined,
): NonNullable<BuildRequest['auths']> {
  const text = Array.isArray(header) ? (header[0] ?? '') : (header ?? '');
  if (text === '') return {};
  const found = decode(text);
  if (found === null) return {};
  if (!Value.Check(Auths, found))
    throw invalid(
      'registry-config-invalid',
      'the header X-Registry-Config does not hold credentials by registry',
    );
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

function decode(text: string): unknown {
  const json: (text: string) => unknown = JSON.parse;
  try {
    return json(Buffer.from(text, 'base64url').toString('utf8'));
  } catch (cause) {
    throw invalid('registry-config-invalid', 'the header X-Registry-Config is not base64 of JSON', { cause });
  }
}

/** `https://index.docker.io/v1/` is how clients write `docker.io`. */
function registryName(key: string): string {
  const host = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === 'index.docker.io' ? 'docker.io' : host;
}
