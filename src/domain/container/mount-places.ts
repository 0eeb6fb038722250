import { invalid, messageOf } from '#base/errors.ts';
import { cleanPath } from '#domain/container/paths.ts';
import { checkTmpfsOptions } from '#domain/container/tmpfs.ts';

// Where mounts may be put. All of it throws invalid `mount-invalid` with Docker's words (moby, volume/mounts).

/** Of HostConfig.Tmpfs. @throws as checkTmpfsOptions, too */
export function tmpfsDestination(path: string, options: string): string {
  checkTmpfsOptions(options);
  const problem = problemOf(path);
  if (problem !== undefined) throw refused(problem);
  return cleanPath(path);
}

/** Of VOLUME in an image, which may name a path without its first slash. */
export function declaredDestination(path: string): string {
  return fromBind(path.startsWith('/') ? path : `/${path}`, path, 'volume');
}

/** Of a `-v`. @param text the whole of it */
export function fromBind(target: string, text: string, type: string): string {
  try {
    return destination(target, type);
  } catch (error) {
    throw refused(`invalid volume specification: '${text}': ${messageOf(error)}`);
  }
}

/** Of a `--mount`. */
export function destination(target: string, type: string): string {
  if (target === '') throw refusedMount(type, 'field Target must not be empty');
  const problem = problemOf(target);
  if (problem !== undefined) throw refusedMount(type, problem);
  return cleanPath(target);
}

export function checkAbsolute(path: string, type: string): void {
  if (!path.startsWith('/')) throw refusedMount(type, notAbsolute(path));
}

function problemOf(target: string): string | undefined {
  if (!target.startsWith('/')) return notAbsolute(target);
  return cleanPath(target) === '/' ? "invalid specification: destination can't be '/'" : undefined;
}

function notAbsolute(path: string): string {
  return `invalid mount path: '${path}' mount path must be absolute`;
}

export function refused(message: string): Error {
  return invalid('mount-invalid', message);
}

export function refusedMount(type: string, problem: string): Error {
  return refused(`invalid mount config for type "${type}": ${problem}`);
}
