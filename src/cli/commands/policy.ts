import { invalid } from '#base/errors.ts';
import type { AllowAnswer, DenialLine, FlowAnswer, PolicyAnswer } from '#api/types/policies.ts';
import type { Context } from '#cli/context.ts';
import { interruption } from './app-api.ts';

/** `berth policy show` */
export async function showPolicies({ client, output }: Context, app: string | undefined): Promise<void> {
  const query = app === undefined ? '' : `?app=${encodeURIComponent(app)}`;
  const policies = policyAnswers(await (await client()).json({ path: `/berth/v1/policies${query}` }));
  output.json(policies);
  if (policies.length === 0) {
    output.print('No policy: services of an app reach each other, apps are isolated, egress is open.');
    return;
  }
  for (const policy of policies) {
    output.print(`${policy.app}: ${policy.name} (${policy.at})`);
    output.print(`  selects ${policy.selected.join(', ')}`);
    for (const way of ['ingress', 'egress'] as const) {
      const allows = policy[way];
      if (allows === undefined) continue;
      if (allows.length === 0) output.print(`  ${way}: nothing`);
      for (const allow of allows)
        output.print(`  ${way}${policy.addsOnly ? ' also' : ''}: ${words(allow, way)}`);
    }
  }
}

function words({ peers, ports, at }: AllowAnswer, way: 'ingress' | 'egress'): string {
  const ends = peers === undefined ? 'anyone' : peers.length === 0 ? 'nobody' : peers.join(', ');
  const where = ports === undefined ? '' : ` on ${ports.join(', ')}`;
  return `${way === 'ingress' ? 'from' : 'to'} ${ends}${where} (${at})`;
}

/** `berth policy test` */
export async function testFlow(
  { client, output }: Context,
  given: string[],
  app: string | undefined,
): Promise<void> {
  if (given.at(-1) === '-')
    throw invalid('policy-flow', 'the shell has taken > for itself, and wrote a file of that name', {
      hint: "quote it: berth policy test 'web -> db:5432', or leave the arrow out: web db:5432",
    });
  const body = { flow: given.join(' '), ...(app === undefined ? {} : { app }) };
  const answer = flowAnswer(
    await (await client()).json({ method: 'POST', path: '/berth/v1/policies/test', body }),
  );
  output.json(answer);
  const verdict = answer.allowed ? output.paint('green', 'allowed') : output.paint('red', 'denied');
  output.print(`${verdict}  ${answer.flow}`);
  for (const { about, allowed, why, at } of answer.reasons)
    output.print(`  ${about}: ${allowed ? 'yes' : 'no'}, ${why}${at === undefined ? '' : ` (${at})`}`);
  if (!answer.allowed) process.exitCode = 1;
}

/** `berth policy denied` */
export async function showDenied(
  { client, output }: Context,
  app: string | undefined,
  follow: boolean,
): Promise<void> {
  const query = new URLSearchParams({ follow: String(follow), ...(app === undefined ? {} : { app }) });
  const path = `/berth/v1/policies/denied?${query.toString()}`;
  const signal = AbortSignal.any([interruption(), output.lost]);
  try {
    for await (const one of denialLines((await client()).lines({ path, signal }))) show(output, one);
  } catch (error) {
    // Ctrl-C is how following ends.
    if (!signal.aborted) throw error;
  }
}

function show(output: Context['output'], one: DenialLine): void {
  output.json(one);
  const { time, direction, from, to, fromAddress, toAddress, protocol, port, count } = one;
  const end = (name: string, address: string): string => (name === address ? name : `${name} (${address})`);
  const often = count === 1 ? '' : ` ${count} times`;
  output.print(
    `${time.slice(0, 19)}Z ${direction} ${end(from, fromAddress)} -> ${end(to, toAddress)} ${port}/${protocol}${often}`,
  );
}

// The daemon and this program are released together: what the API promises is what comes.
function policyAnswers(value: unknown): PolicyAnswer[];
function policyAnswers(value: unknown): unknown {
  return value;
}

function flowAnswer(value: unknown): FlowAnswer;
function flowAnswer(value: unknown): unknown {
  return value;
}

function denialLines(lines: AsyncIterable<unknown>): AsyncIterable<DenialLine>;
function denialLines(lines: AsyncIterable<unknown>): AsyncIterable<unknown> {
  return lines;
}
