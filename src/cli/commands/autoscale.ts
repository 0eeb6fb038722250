import type { AutoscaleAnswer, ScalingRulesAnswer } from '#api/types/autoscale.ts';
import type { Context } from '#cli/context.ts';
import { timeWords } from '#cli/render/words.ts';
import { servicePath } from './service-path.ts';

export async function listAutoscaled({ client, output }: Context): Promise<void> {
  const all = await (await client()).json<AutoscaleAnswer[]>({ path: '/berth/v1/autoscale' });
  output.json(all);
  output.table(
    [
      ['SERVICE', 'REPLICAS', 'MIN', 'MAX', 'READINGS', 'LAST CHANGE'],
      ...all.map((one) => [
        `${one.app}/${one.service}`,
        one.replicas === one.current ? String(one.current) : `${one.current} -> ${one.replicas}`,
        String(one.floor),
        String(one.max),
        readings(one),
        lastChange(one),
      ]),
    ],
    'No service is autoscaled. One is by x-berth.autoscale.',
  );
}

export async function explainAutoscale({ client, output }: Context, name: string): Promise<void> {
  const path = `/berth/v1/autoscale/${servicePath(name, 'berth autoscale ls lists those that are autoscaled')}`;
  const one = await (await client()).json<AutoscaleAnswer>({ path });
  output.json(one);
  if (!output.isJson) for (const line of explanation(one)) output.print(line);
}

/** All that a decision follows from, as lines. */
export function explanation(one: AutoscaleAnswer): string[] {
  const recommended = one.recommended === undefined ? 'nothing' : String(one.recommended);
  return [
    `${one.app}/${one.service}: ${one.current} replicas, from ${one.floor} to ${one.max}`,
    '',
    'Readings',
    ...one.proposals.map(({ metric, measured, target, formula }) => {
      const found = measured === undefined ? 'unknown' : number(measured);
      return `  ${metric}: ${found}, target ${number(target)}, tolerance ${number(one.tolerance * 100)}%: ${formula}`;
    }),
    ...one.notes.map((note) => `  ${note}`),
    '',
    'Decision',
    `  the readings ask for ${recommended}, after the windows ${one.stabilized}`,
    `  the policies allow ${Math.max(0, one.pace.fewest)} to ${one.pace.most} now`,
    ...one.limits.map((limit) => `  ${limit}`),
    `  ${outcome(one)}`,
    '',
    'Rules',
    `  up: ${rules(one.up)}`,
    `  down: ${rules(one.down)}`,
    ...one.schedule.map(
      (each) => `  at least ${each.min} for ${each.for} s from '${each.cron}' (${each.timezone})`,
    ),
    ...(one.changes.length === 0 ? [] : ['', 'Changes']),
    ...one.changes.map(({ at, from, to, reason }) => `  ${timeWords(at)} ${from} -> ${to}: ${reason}`),
  ];
}

function outcome({ current, replicas, paused }: AutoscaleAnswer): string {
  if (paused !== undefined) return `nothing is changed at present: ${paused}`;
  return replicas === current
    ? `it stays at ${current}`
    : `at the next look it goes from ${current} to ${replicas}`;
}

function rules({ window, policies }: ScalingRulesAnswer): string {
  const each = policies.map(({ kind, value, period }) =>
    kind === 'percent' ? `${value}% in ${period} s` : `${value} in ${period} s`,
  );
  return `window ${window} s, at most ${each.length === 0 ? 'none' : each.join(' or ')}`;
}

function readings({ proposals }: AutoscaleAnswer): string {
  const each = proposals.map(
    ({ metric, measured, target }) =>
      `${metric} ${measured === undefined ? '?' : number(measured)}/${number(target)}`,
  );
  return each.length === 0 ? '-' : each.join(', ');
}

function lastChange({ changes }: AutoscaleAnswer): string {
  const last = changes.at(-1);
  return last === undefined ? '-' : `${timeWords(last.at)} ${last.from} -> ${last.to}`;
}

function number(value: number): string {
  return String(Number(value.toPrecision(value >= 1000 ? 10 : 3)));
}
