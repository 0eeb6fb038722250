import { cpus, loadavg, release, totalmem } from 'node:os';
import { median, quantile } from './measure.ts';
import { restSeconds, type IdleMemory } from './scenarios.ts';

export interface Row {
  scenario: string;
  /** Milliseconds by subject; `crun` is the floor. */
  samples: Record<string, number[]>;
}

const ms = (value: number): string => (value < 100 ? value.toFixed(1) : value.toFixed(0));
const times = (value: number): string => (Number.isNaN(value) ? '' : `${value.toFixed(1)}x`);

const megabytes = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(0)} MiB`;

/** The results as a Markdown page. */
export function report(
  rows: Row[],
  memory: Record<string, IdleMemory>,
  versions: Record<string, string>,
): string {
  const names = Object.keys(versions);
  const peers = names.filter((name) => name !== 'berth' && name !== 'crun');
  const ratios = [...peers.map((name) => `${name} / berth`), 'berth / crun'];
  const head = ['scenario', ...names.map((name) => `${name} ms`), ...ratios];
  const lines = rows.map(({ scenario, samples }) => {
    const middle = (name: string): number => median(samples[name] ?? []);
    const cell = (name: string): string => `${ms(middle(name))} (${ms(quantile(samples[name] ?? [], 0.9))})`;
    const compared = [
      ...peers.map((name) => middle(name) / middle('berth')),
      middle('berth') / middle('crun'),
    ];
    return [scenario, ...names.map(cell), ...compared.map(times)];
  });
  const table = [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const used = Object.entries(memory).map(
    ([name, { started, rested }]) =>
      `- ${name}: ${megabytes(rested)} after ${restSeconds} seconds of rest, ${megabytes(started)} right after their start`,
  );
  const counts = rows.map(
    ({ scenario, samples }) => `${scenario}: ${Object.values(samples)[0]?.length ?? 0}`,
  );
  return `# Results

Made by \`bench/run.ts\` in one run on one machine: Linux ${release()}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'},
${(totalmem() / 1024 ** 3).toFixed(0)} GB; load average at the end ${loadavg()[0]?.toFixed(1) ?? 'unknown'}. Cells are the median and, in brackets, the 90th percentile. A ratio \`peer / berth\` above 1 means
that Berth is faster; \`berth / crun\` is the distance from plain crun, the floor.

Versions:

${Object.entries(versions)
  .map(([name, version]) => `- ${name}: ${version}`)
  .join('\n')}

${table}

Samples for each cell: ${counts.join('; ')}.

Resident memory of the daemon with 20 idle containers (dockerd: with its containerd; monitors and shims not counted):

${used.join('\n')}
`;
}
