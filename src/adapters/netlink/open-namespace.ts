import { closeSync, fstatSync, openSync } from 'node:fs';
import { notFound } from '#base/errors.ts';

/**
 * Opens the namespace at `path`. The number of a process that is gone may be one of the host's by now: the host's own
 * namespace is nobody's.
 * @throws not-found `namespace-missing`
 */
export function openNamespace(path: string, home: number): number {
  const fd = openSync(path, 'r');
  if (fstatSync(fd).ino !== fstatSync(home).ino) return fd;
  closeSync(fd);
  throw notFound('namespace-missing', `the network namespace at '${path}' is gone with its process`);
}
