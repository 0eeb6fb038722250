import type { AdviceAnswer, ServiceAdviceAnswer } from '#api/types/advice.ts';
import type { Context } from '#cli/context.ts';

const mebibyte = 1024 ** 2;

export async function advise(
  { client, output }: Context,
  app: string | undefined,
  options: { patch?: true },
): Promise<void> {
  const answer = await (await client()).json<AdviceAnswer>({ path: '/berth/v1/advice', query: { app } });
  output.json(answer);
  if (output.isJson) return;
  if (options.patch === true) {
    for (const note of answer.notes) output.note(note);
    if (answer.patch !== '') output.print(answer.patch.trimEnd());
    return;
  }
  printTable(answer, output);
  if (answer.patch !== '') output.print(`\n${answer.patch.trimEnd()}`);
}

function printTable({ services, notes }: AdviceAnswer, output: Context['output']): void {
  const headings = ['SERVICE', 'MEMORY P50/P95/PEAK', 'CPUS P50/P95', 'THROTTLED', 'OOM', 'PIDS', 'LOOKS'];
  output.table([headings, ...services.map(row)], 'No app is up.');
  for (const { app, service, advice, note } of services) {
    if (note !== undefined) output.print(`${app}/${service}: ${note}`);
    for (const { key, value, current, reason } of advice)
      output.print(
        `${app}/${service}: ${key} ${current === undefined ? '' : `${current} -> `}${value}: ${reason}`,
      );
  }
  for (const note of notes) output.print(note);
}

function row({ app, service, used }: ServiceAdviceAnswer): string[] {
  const memory = [used.memoryP50, used.memoryP95, used.memoryPeak].map((one) => (one / mebibyte).toFixed(1));
  return [
    `${app}/${service}`,
    `${memory.join(' / ')} MiB`,
    `${used.cpusP50.toFixed(2)} / ${used.cpusP95.toFixed(2)}`,
    `${(used.throttled * 100).toFixed(0)}%`,
    String(used.oomKills),
    String(used.pidsPeak),
    String(used.samples),
  ];
}
