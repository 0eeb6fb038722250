import { readlinkSync } from 'node:fs';
import { close } from '#adapters/linux/libc.ts';
import { setWindowSize } from '#adapters/linux/descriptors.ts';
import { openProcess, withDescriptorOf } from '#adapters/linux/pidfd.ts';
import { systemCode } from '#base/errors.ts';
import { namesIfThereSync } from '#adapters/files/if-there.ts';

/**
 * Sets the size of the terminal whose controlling side a monitor holds. Through conmon's FIFO `ctl` the size would come
 * into force at some later time; this way it is in force on return. A monitor that is gone has no terminal.
 */
export function resizeConsole(monitor: number, columns: number, rows: number): void {
  const handle = openProcess(monitor);
  if (handle === undefined) return;
  try {
    const console = controllingSide(monitor);
    if (console === undefined) return;
    withDescriptorOf(handle, console, (copy) => setWindowSize(copy, columns, rows));
  } catch (error) {
    const code = systemCode(error);
    // It ended, or let go of the terminal, in between.
    if (code !== 'ESRCH' && code !== 'EBADF') throw error;
  } finally {
    close(handle);
  }
}

function controllingSide(monitor: number): number | undefined {
  const folder = `/proc/${monitor}/fd`;
  const number = namesIfThereSync(folder).find((name) => targetOf(`${folder}/${name}`).endsWith('/ptmx'));
  return number === undefined ? undefined : Number(number);
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  }
}
