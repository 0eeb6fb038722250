import { readFileSync } from 'node:fs';
import koffi from 'koffi';
import { check } from '#adapters/linux/libc.ts';

const libc = koffi.load('libc.so.6');
const madvise: (address: bigint, length: bigint, advice: number) => number = libc.func(
  'int madvise(uint64_t, size_t, int)',
);
const MADV_DONTNEED = 4;

export interface Region {
  start: bigint;
  length: bigint;
}

/**
 * Unmaps the pages of this process's own program file: most were needed for its start only. They stay in the kernel's page cache
 * and are mapped again where they are used, but what nobody uses the kernel can now take back as easily as those of any other file.
 */
export function releaseProgramPages(): void {
  for (const { start, length } of programRegions(
    readFileSync('/proc/self/smaps', 'latin1'),
    process.execPath,
  ))
    check(madvise(start, length, MADV_DONTNEED), 'madvise', `0x${start.toString(16)}`);
}

/**
 * The mappings of a file that hold nothing but the file's own content: read-only, and no page was ever written to.
 * @param smaps text of /proc/PID/smaps (proc(5))
 */
export function programRegions(smaps: string, file: string): Region[] {
  const mappings = smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  return mappings.flatMap((text) => {
    const [, from = '0', to = '0', mode = '', path = ''] =
      /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$/m.exec(text) ?? [];
    const isPlain = path === file && (mode === 'r-xp' || mode === 'r--p') && /^Anonymous: +0 kB$/m.test(text);
    const start = BigInt(`0x${from}`);
    return isPlain ? [{ start, length: BigInt(`0x${to}`) - start }] : [];
  });
}
