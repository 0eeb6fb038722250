import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { all, type ManyQuery } from '#api/docker/query.ts';
import { invalid, notFound } from '#base/errors.ts';
import { formatPlatform, matchesPlatform } from '#domain/image/platform.ts';
import type { Images } from '#engine/contracts.ts';

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
 * An image has one platform: whoever asks for another is told so.
 * @throws invalid `platform-invalid`; not-found `platform-missing`, `image-missing`
 */
export function checkPlatform(images: Images, name: string, query: ManyQuery, parameter?: string): void {
  for (const wanted of platformsOf(query, parameter))
    if (!matchesPlatform(images.get(name).config, wanted))
      throw notFound(
        'platform-missing',
        `image with reference ${name} was found but does not provide the specified platform (${formatPlatform(wanted)})`,
      );
}
