/** An absolute path without `.`, `..`, doubled and trailing slashes; `..` stops at the root (Go's path.Clean). */
export function cleanAbsolute(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** As Go's path.Clean: without `.`, doubled and trailing slashes, `..` taken up where it can be; '' is `.`. */
export function cleanPath(path: string): string {
  if (path.startsWith('/')) return cleanAbsolute(path);
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else parts.push(part);
  }
  return parts.length === 0 ? '.' : parts.join('/');
}

/** `path` as seen from the folder `from`; absolute stays absolute. Both clean afterwards. */
export function resolveFrom(from: string, path: string): string {
  return cleanAbsolute(path.startsWith('/') ? path : `${from}/${path}`);
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Names a folder: by a slash, or a dot, at its end. */
export function namesFolder(path: string): boolean {
  return path === '' || path.endsWith('/') || /(?:^|\/)\.{1,2}$/.test(path);
}
