import { invalid } from '#base/errors.ts';
import { baseName } from '#domain/build/path.ts';

/**
 * The name of the file that a URL is about: the last part of its path, as the web server means it. '' when it tells none.
 * @throws invalid `url-path-invalid`, of a `%` that begins no escape in Docker's words
 */
export function urlFileName({ href, pathname }: { href: string; pathname: string }): string {
  const stray = /%(?![0-9a-f]{2}).{0,2}/i.exec(pathname);
  if (stray !== null)
    throw invalid('url-path-invalid', `parse "${href}": invalid URL escape "${stray[0]}"`, {
      hint: 'write a percent sign as %25',
    });
  const name = baseName(decoded(href, pathname));
  return name === '.' || name === '..' || name.includes('\0') ? '' : name;
}

function decoded(href: string, pathname: string): string {
  try {
    return decodeURIComponent(pathname);
  } catch (cause) {
    throw invalid('url-path-invalid', `parse "${href}": the bytes that its path escapes are no UTF-8`, {
      cause,
    });
  }
}
