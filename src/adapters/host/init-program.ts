import { existsSync } from 'node:fs';

/** Where Debian's tini package puts its static program; docker.io links to it. */
const programs = ['/usr/bin/tini-static', '/usr/bin/docker-init', '/usr/sbin/docker-init'];

/** Absolute path of a static init program; undefined when none is installed. */
export function findInitProgram(): string | undefined {
  return programs.find((path) => existsSync(path));
}
