import { familiarName, parseReference, repositoryOf } from './reference.ts';

/**
 * The package URL of an image (package-url/purl-spec, type docker), as BuildKit names images in its statements:
 * `pkg:docker/debian.berth/base@bookworm?platform=linux%2Famd64`.
 * @throws invalid as parseReference
 */
export function dockerPackageUrl(reference: string, platform: string): string {
  const { tag, digest, ...place } = parseReference(reference);
  const name = familiarName(repositoryOf(place));
  const version = tag ?? (digest === undefined ? 'latest' : undefined);
  const qualifiers = [
    ...(digest === undefined ? [] : [`digest=${digest}`]),
    `platform=${encodeURIComponent(platform)}`,
  ];
  const path = name
    .split('/')
    .map((part) => encodeURIComponent(part).replaceAll('%3A', ':'))
    .join('/');
  return `pkg:docker/${path}${version === undefined ? '' : `@${encodeURIComponent(version)}`}?${qualifiers.join('&')}`;
}
