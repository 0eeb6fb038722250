import { invalid } from '#base/errors.ts';
import type { AllowAnswer, DenialLine, FlowAnswer, PolicyAnswer } from '#api/types/policies.ts';
import type { Context } from '#cli/context.ts';
import { timeWords } from '#cli/render/words.ts';
import { interruption } from './app-api.ts';

/** `berth policy show` */
export async function showPolicies({ client, output }: Context, app: string | undefined): Promise<void> {
  const policies = await (
    await client()
  ).json<PolicyAnswer[]>({ path: '/berth/v1/policies', query: { app } });
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
  const path = '/berth/v1/policies/test';
  const answer = await (await client()).json<FlowAnswer>({ method: 'POST', path, body });
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
  const signal = AbortSignal.any([interruption(), output.lost]);
  const call = { path: '/berth/v1/policies/denied', query: { app, follow: String(follow) }, signal };
  try {
    for await (const one of (await client()).lines<DenialLine>(call)) show(output, one);
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
    `${timeWords(time)} ${direction} ${end(from, fromAddress)} -> ${end(to, toAddress)} ${port}/${protocol}${often}`,
  );
}
