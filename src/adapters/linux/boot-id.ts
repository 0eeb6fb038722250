import { readFileSync } from 'node:fs';

/** Another one after each start of the machine (random(4)): what was written under the same one, this kernel still has. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
