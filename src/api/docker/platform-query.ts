import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { all, type ManyQuery } from '#api/docker/query.ts';
import { invalid } from '#base/errors.ts';

const PlatformParameter = Type.Object({
  os: Type.String(),
  architecture: Type.String(),
  variant: Type.Optional(Type.String()),
});

export type WantedPlatform = Static<typeof PlatformParameter>;

/**
 * The parameter `platform` or `platforms`: platforms of the OCI specification in JSON.
 * @throws invalid `platform-invalid`
 */
export function platformsOf(query: ManyQuery, name = 'platform'): WantedPlatform[] {
  const parse: (text: string) => unknown = JSON.parse;
  return all(query, name).map((text) => {
    let wanted: unknown;
    try {
      wanted = parse(text);
    } catch (cause) {
      throw invalid('platform-invalid', `failed to parse platform: '${text}' is not JSON`, { cause });
    }
    if (Value.Check(PlatformParameter, wanted)) return wanted;
    throw invalid('platform-invalid', `invalid platform: '${text}' has no os and architecture`);
  });
}

/**
 * The one platform of the parameter `platform`; undefined where none is asked for.
 * @throws invalid `platform-invalid`, also for several
 */
export function platformOf(query: ManyQuery): WantedPlatform | undefined {
  const [platform, ...others] = platformsOf(query);
  if (others.length > 0) throw invalid('platform-invalid', 'multiple platform parameters not supported');
  return platform;
}
