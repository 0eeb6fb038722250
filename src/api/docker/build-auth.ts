import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { authsOf, RegistryAuth } from '#api/registry-auths.ts';
import { invalid } from '#base/errors.ts';
import type { BuildRequest } from '#engine/contracts.ts';

const Auths = Type.Record(Type.String(), RegistryAuth);

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
  return authsOf(found);
}

function decode(text: string): unknown {
  const json: (text: string) => unknown = JSON.parse;
  try {
    return json(Buffer.from(text, 'base64url').toString('utf8'));
  } catch (cause) {
    throw invalid('registry-config-invalid', 'the header X-Registry-Config is not base64 of JSON', { cause });
  }
}
