import { invalid, notFound } from '#base/errors.ts';
import { formatReference, type Reference } from '#domain/image/reference.ts';

/** What a name such as `debian.berth/nodejs/ca-certificates:bookworm` asks for. */
export interface BaseName {
  /** As written, without `base` and without doubles; empty for the plain base. */
  packages: string[];
  suite: string;
}

// Debian Policy 5.6.1; a name with `+` (g++) cannot be written in an image name.
const packagePattern = /^[a-z0-9][a-z0-9+.-]+$/;
const suitePattern = /^[a-z][a-z0-9-]*$/;

/**
 * @throws invalid `base-package-name`, `base-by-digest`; not-found `suite-unknown` without a tag that can be a suite
 */
export function parseBaseName(reference: Reference): BaseName {
  const name = formatReference(reference);
  if (reference.digest !== undefined)
    throw invalid(
      'base-by-digest',
      `pull '${name}': an image made from packages has no digest to pull by: name a suite, such as debian.berth/nodejs:bookworm`,
    );
  const suite = reference.tag ?? 'latest';
  if (suite === 'latest' || !suitePattern.test(suite))
    throw notFound(
      'suite-unknown',
      `pull '${name}': '${suite}' is not a Debian suite: name one as the tag, such as ${reference.registry}/${reference.repository}:bookworm`,
    );
  const parts = reference.repository.split('/').filter((part) => part !== 'base');
  const bad = parts.find((part) => !packagePattern.test(part));
  if (bad !== undefined)
    throw invalid(
      'base-package-name',
      `pull '${name}': '${bad}' is not a Debian package name: required are at least two of a-z 0-9 . -`,
    );
  return { packages: [...new Set(parts)], suite };
}
