/** What an image holds besides what it is named after. */
export type Shape = 'full' | 'slim' | 'bare';

/** So that `RUN`, `sh -c` and health checks work and scanners know the distribution. */
const full = [
  'base-files',
  'coreutils',
  'dash',
  'findutils',
  'grep',
  'gzip',
  'hostname',
  'libc-bin',
  'mawk',
  'netbase',
  'sed',
  'tar',
] as const;

export const shapes: Readonly<Record<Shape, readonly string[]>> = {
  full,
  /** A shell and the tools of coreutils. */
  slim: ['base-files', 'coreutils', 'dash', 'libc-bin', 'netbase'],
  /** No program at all, and no C library: for programs that bring everything with them. */
  bare: ['base-files', 'netbase'],
};

/**
 * Needed only by maintainer scripts, which never run here. apt is told that they are installed, so that they
 * and what they drag in (perl, debconf's helpers) stay out.
 */
export const scriptOnly = [
  'adduser',
  'debconf',
  'dpkg',
  'init-system-helpers',
  'install-info',
  'lsb-base',
  'sysvinit-utils',
  'ucf',
] as const;

/** What the packages of an image that is bare or slim depend on without using it there. */
export const standInsOf: Readonly<Record<Shape, readonly string[]>> = {
  full: [],
  // base-files wants an awk before it is configured.
  slim: ['awk'],
  bare: ['awk', 'libc6', 'openssl'],
};
