import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { invalid } from '#base/errors.ts';
import type { PullOptions } from '#engine/contracts.ts';

export type Auth = NonNullable<PullOptions['auth']>;

/** Docker's AuthConfig, as headers and the body of POST /auth have it. */
export const AuthConfig = Type.Object({
  username: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
  auth: Type.Optional(Type.String()),
  email: Type.Optional(Type.String()),
  serveraddress: Type.Optional(Type.String()),
  identitytoken: Type.Optional(Type.String()),
  registrytoken: Type.Optional(Type.String()),
});

/**
 * The header X-Registry-Auth: base64url of AuthConfig in JSON. Undefined when it is absent or holds nothing.
 * @throws invalid `registry-auth-invalid`
 */
export function readRegistryAuth(header: string | string[] | undefined): Auth | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined || text === '') return undefined;
  const value = decoded(text);
  if (value === null) return undefined;
  if (!Value.Check(AuthConfig, value)) throw malformed();
  const auth = authOf(value);
  return Object.keys(auth).length === 0 ? undefined : auth;
}

export function authOf(value: Type.Static<typeof AuthConfig>): Auth {
  const auth: Auth = {};
  if (value.username !== undefined && value.username !== '') auth.username = value.username;
  if (value.password !== undefined && value.password !== '') auth.password = value.password;
  if (value.identitytoken !== undefined && value.identitytoken !== '')
    auth.identityToken = value.identitytoken;
  if (value.registrytoken !== undefined && value.registrytoken !== '')
    auth.registryToken = value.registrytoken;
  return auth;
}

const parse: (text: string) => unknown = JSON.parse;

function decoded(text: string): unknown {
  try {
    return parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    throw malformed();
  }
}

function malformed(): Error {
  return invalid(
    'registry-auth-invalid',
    'invalid X-Registry-Auth header: it is not base64 of a JSON object',
  );
}
