// POSIX path arithmetic: domain/ has no Node types.

/** Without `.`, `..` and doubled slashes; no slash at the end. */
export function normalize(path: string): string {
  const absolute = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '..' || !absolute) parts.push(part);
  }
  const joined = parts.join('/');
  if (absolute) return `/${joined}`;
  return joined === '' ? '.' : joined;
}

/** `path` seen from the absolute `folder`. */
export function resolve(folder: string, path: string): string {
  return path.startsWith('/') ? normalize(path) : normalize(`${folder}/${path}`);
}

/** The folder that a path lies in. */
export function folderOf(path: string): string {
  return normalize(path).replace(/\/[^/]*$/, '') || '/';
}
