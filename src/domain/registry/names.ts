import { invalid } from '#base/errors.ts';

const part = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const repositoryPattern = new RegExp(`^${part}(?:/${part})*$`);
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
/** Bytes; the specification lets clients limit host and name together to 255. */
const longestName = 255;

/** What names content in the registry: `sha256:` and 64, or `sha512:` and 128 hexadecimal digits. */
export type ContentDigest = `sha256:${string}` | `sha512:${string}`;

export function isContentDigest(text: string): text is ContentDigest {
  return digestPattern.test(text);
}

/** @throws invalid `registry-digest-invalid` */
export function parseContentDigest(text: string): ContentDigest {
  if (isContentDigest(text)) return text;
  throw invalid(
    'registry-digest-invalid',
    `'${text.slice(0, 160)}' is not a digest: required is sha256: with 64, or sha512: with 128 hexadecimal digits`,
  );
}

/** The name of a repository without a host, as in `/v2/NAME/tags/list`. */
export function isRepositoryName(text: string): boolean {
  return text.length <= longestName && repositoryPattern.test(text);
}

/** @throws invalid `registry-name-invalid` */
export function checkRepositoryName(text: string): string {
  if (isRepositoryName(text)) return text;
  throw invalid(
    'registry-name-invalid',
    `'${text.slice(0, 300)}' is not the name of a repository: required are lower case letters and digits, with single ` +
      `. _ - / between them, at most ${longestName} characters`,
  );
}

export function isTagName(text: string): boolean {
  return tagPattern.test(text);
}

/** A tag or a digest, as the end of `/v2/NAME/manifests/REFERENCE`. @throws invalid `registry-tag-invalid`, `registry-digest-invalid` */
export function parseManifestReference(text: string): { tag: string } | { digest: ContentDigest } {
  if (text.includes(':')) return { digest: parseContentDigest(text) };
  if (isTagName(text)) return { tag: text };
  throw invalid(
    'registry-tag-invalid',
    `'${text.slice(0, 160)}' is not a tag: required are letters, digits, . _ -, at most 128 characters`,
  );
}

/**
 * Whether a name or a tag fits a pattern: `*` stands for anything but a slash, `**` for anything. `team/*` is
 * `team/app`, not `team/app/web`.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  const source = pattern
    .split(/(\*+)/)
    .map((piece, i) => (i % 2 === 0 ? piece.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`) : star(piece)))
    .join('');
  return new RegExp(`^${source}$`).test(text);
}

function star(stars: string): string {
  return stars.length === 1 ? '[^/]*' : '.*';
}

/** @throws invalid `registry-pattern-invalid` */
export function checkPattern(text: string): string {
  if (text.length <= longestName && /^[a-z0-9._/*-]+$/i.test(text) && (text.match(/\*+/g) ?? []).length <= 4)
    return text;
  throw invalid(
    'registry-pattern-invalid',
    `'${text.slice(0, 300)}' is not a pattern: required are the characters of a name, with at most four * or **`,
    { hint: "'team/*' fits team/app, 'team/**' also team/app/web, '**' everything" },
  );
}
