import { invalid } from '#base/errors.ts';

/** Flags that exclude each other; the later of two wins. */
const opposites: readonly (readonly string[])[] = [
  ['ro', 'rw'],
  ['exec', 'noexec'],
  ['suid', 'nosuid'],
  ['dev', 'nodev'],
  ['async', 'sync'],
  ['atime', 'noatime', 'relatime', 'strictatime'],
  ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'],
];

const defaults = ['noexec', 'nosuid', 'nodev', 'rprivate'];

/** Mount options of a tmpfs: Docker's defaults, overridden by `given` (such as `size=64m,exec`). */
export function tmpfsOptions(given: string, readOnly: boolean): string[] {
  const asked = given.split(',').filter((option) => option !== '');
  const all = [...defaults, ...asked, ...(readOnly ? ['ro'] : [])];
  const last = new Map<string, string>();
  for (const option of all) {
    const slot = slotOf(option);
    last.delete(slot);
    last.set(slot, option);
  }
  return [...last.values()];
}

const values = ['size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol', 'huge'];
const flags = [...opposites.flat(), 'defaults', 'nodiratime', 'diratime', 'dirsync'];

/** @throws invalid `tmpfs-option` with Docker's words */
export function checkTmpfsOptions(given: string): void {
  for (const option of given.split(',').filter((text) => text !== '')) {
    const [name = '', value] = option.split('=');
    const known = value === undefined ? flags.includes(name) : values.includes(name);
    if (!known) throw invalid('tmpfs-option', `invalid tmpfs option ["${option}"]`);
  }
}

function slotOf(option: string): string {
  const group = opposites.find((names) => names.includes(option));
  return group?.[0] ?? option.split('=')[0] ?? option;
}
