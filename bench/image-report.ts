import { loadavg } from 'node:os';
import type { ImageEngine } from './image-engines.ts';
import { median } from './measure.ts';

/** By what was done, then by engine. */
export type Measured = Map<string, Map<string, { ms: number; bytes: number }[]>>;

const scenarios: Record<string, string> = {
  load: 'load, gzip layers',
  'load zstd': 'load, zstd layers',
  pull: 'pull over loopback, gzip layers',
  'pull second': 'pull of a second image that shares all but 1 MB',
  push: 'push over loopback of what was loaded',
  save: 'save of what was loaded',
  remove: 'remove',
  commit: 'commit of a container that wrote 80 MB in 4,000 files',
};

/** What was measured as a Markdown page. */
export function imagesPage(engines: ImageEngine[], found: Measured, machine: string): string {
  const names = engines.map(({ name }) => name);
  const row = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  const lines = Object.entries(scenarios).map(([key, title]) => {
    const middle = (name: string): number =>
      median((found.get(key)?.get(name) ?? []).map(({ ms }) => ms)) / 1000;
    const own = middle('berth');
    return row([
      title,
      ...names.map((name) => {
        const seconds = middle(name);
        if (Number.isNaN(seconds)) return '';
        return name === 'berth'
          ? seconds.toFixed(2)
          : `${seconds.toFixed(2)} (${(seconds / own).toFixed(2)}x)`;
      }),
    ]);
  });
  const memory = engines.flatMap(({ name }) => {
    const peaks = [...found].flatMap(([what, row]) => {
      const bytes = (row.get(name) ?? []).map((one) => one.bytes);
      const most = Math.max(0, ...bytes);
      return most === 0 ? [] : [`${scenarios[what] ?? what} ${(most / 1e6).toFixed(0)}`];
    });
    return peaks.length === 0 ? [] : [`- ${name}: ${peaks.join('; ')}`];
  });
  return `# Images

Written by \`bench/images.ts\`: ${machine}; medians in seconds, in brackets how many times what Berth takes. The image has 565 MB
in 26,000 files, in six layers. The load average at the end was ${loadavg()[0]?.toFixed(1) ?? 'unknown'}: what others ran at the time is in all figures. All data lie on one loop-mounted ext4, which is synced before each measurement; the registry is
Debian's docker-registry. Berth has what it is sent on the disk before it answers (the unpacked files a second later, see docs/decisions/layers-written-out-later.md) and
removes files in the background; the others leave the disk to the kernel. \`tar xf\` unpacks one layer after another, \`skopeo copy\` pushes blobs as they are.

${engines.map(({ name, version }) => `- ${name}: ${version}`).join('\n')}

${row(['', ...names])}
${row(['---', ...names.map(() => '---')])}
${lines.join('\n')}

By how much the daemon's resident memory grew at the most, in MB (peers whose work is done by their command are not listed):

${memory.join('\n')}
`;
}
