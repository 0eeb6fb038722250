import { own } from '#base/own.ts';

/** The options of fstab that are flags of mount(2); all others are data for the file system. */
const flags: Readonly<Record<string, { set?: number; clear?: number }>> = {
  ro: { set: 1 },
  rw: { clear: 1 },
  nosuid: { set: 2 },
  suid: { clear: 2 },
  nodev: { set: 4 },
  dev: { clear: 4 },
  noexec: { set: 8 },
  exec: { clear: 8 },
  sync: { set: 16 },
  async: { clear: 16 },
  dirsync: { set: 128 },
  noatime: { set: 1024 },
  atime: { clear: 1024 },
  nodiratime: { set: 2048 },
  diratime: { clear: 2048 },
  bind: { set: 4096 },
  rbind: { set: 4096 | 16384 },
  relatime: { set: 1 << 21 },
  strictatime: { set: 1 << 24 },
  defaults: {},
};

/** Splits the options of an fstab line into mount(2)'s flags and its data. */
export function splitMountOptions(options: string): { flags: number; data: string } {
  const data: string[] = [];
  let bits = 0;
  for (const option of options.split(',').filter((part) => part !== '')) {
    const flag = own(flags, option);
    if (flag === undefined) data.push(option);
    else bits = (bits & ~(flag.clear ?? 0)) | (flag.set ?? 0);
  }
  return { flags: bits, data: data.join(',') };
}
