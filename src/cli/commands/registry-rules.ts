import { invalid } from '#base/errors.ts';
import type { RegistryMirrorBody, RetentionBody, WebhookAnswer, WebhookBody } from '#api/types/registry.ts';
import type { Context } from '#cli/context.ts';

const retention = '/berth/v1/registry/retention';
const mirrors = '/berth/v1/registry/mirrors';
const webhooks = '/berth/v1/registry/webhooks';

export interface RuleFlags {
  tags: string;
  keepLast?: string;
  olderThan?: string;
  unusedFor?: string;
}

export interface MirrorFlags {
  secret?: string;
  freshFor: string;
}

export interface HookFlags {
  events: string;
  repositories: string;
  secret?: string;
}

/** `berth registry retention set`. */
export async function setRule(context: Context, repositories: string, flags: RuleFlags): Promise<void> {
  const { tags, keepLast, olderThan, unusedFor } = flags;
  const body: RetentionBody = {
    ...{ repositories, tags },
    ...(keepLast !== undefined && { keepLast: numberOf('--keep-last', keepLast) }),
    ...(olderThan !== undefined && { olderThan: numberOf('--older-than', olderThan) }),
    ...(unusedFor !== undefined && { unusedFor: numberOf('--unused-for', unusedFor) }),
  };
  const client = await context.client();
  const rule = await client.json<RetentionBody>({ method: 'PUT', path: retention, body });
  context.output.json(rule);
  context.output.print(`${rule.repositories}: ${ruleWords(rule)}`);
}

/** `berth registry retention ls`. */
export async function listRules({ client, output }: Context): Promise<void> {
  const rules = await (await client()).json<RetentionBody[]>({ path: retention });
  output.json(rules);
  output.table(
    [['REPOSITORIES', 'RULE'], ...rules.map((rule) => [rule.repositories, ruleWords(rule)])],
    'No rules: all tags stay.',
  );
}

/** `berth registry retention rm`. */
export async function removeRule(context: Context, repositories: string, { tags }: RuleFlags): Promise<void> {
  const client = await context.client();
  await client.text({ method: 'DELETE', path: retention, query: { repositories, tags } });
  context.output.print(`${repositories} (tags ${tags})`);
}

function ruleWords({ tags, keepLast, olderThan, unusedFor }: RetentionBody): string {
  return [
    `tags ${tags}`,
    ...(keepLast === undefined ? [] : [`keep the newest ${keepLast}`]),
    ...(olderThan === undefined ? [] : [`go after ${olderThan} days`]),
    ...(unusedFor === undefined ? [] : [`go after ${unusedFor} days without a pull`]),
  ].join(', ');
}

/** `berth registry mirrors add`. */
export async function addMirror(
  context: Context,
  prefix: string,
  upstream = '',
  { secret, freshFor }: MirrorFlags,
): Promise<void> {
  const body: RegistryMirrorBody = {
    ...{ prefix, upstream, freshFor: numberOf('--fresh-for', freshFor) },
    ...(secret !== undefined && { secret }),
  };
  const client = await context.client();
  const mirror = await client.json<RegistryMirrorBody>({ method: 'PUT', path: mirrors, body });
  context.output.json(mirror);
  context.output.print(
    `${mirror.prefix}/... is ${mirror.upstream === '' ? 'what a name says' : mirror.upstream}`,
  );
}

/** `berth registry mirrors ls`. */
export async function listMirrors({ client, output }: Context): Promise<void> {
  const all = await (await client()).json<RegistryMirrorBody[]>({ path: mirrors });
  output.json(all);
  output.table(
    [
      ['PREFIX', 'UPSTREAM', 'SECRET', 'FRESH FOR'],
      ...all.map(({ prefix, upstream, secret = '-', freshFor }) => [
        prefix,
        upstream === '' ? 'as named' : upstream,
        secret,
        `${freshFor} s`,
      ]),
    ],
    'No mirrors.',
  );
}

/** `berth registry mirrors rm`. */
export async function removeMirror(context: Context, prefix: string): Promise<void> {
  const client = await context.client();
  await client.text({ method: 'DELETE', path: mirrors, query: { prefix } });
  context.output.print(prefix);
}

/** `berth registry webhooks add`. */
export async function addWebhook(context: Context, url: string, flags: HookFlags): Promise<void> {
  const { events, repositories, secret } = flags;
  const body: WebhookBody = {
    ...{ url, repositories, events: events.split(',').filter((word) => word !== '') },
    ...(secret !== undefined && { secret }),
  };
  const client = await context.client();
  const hook = await client.json<WebhookAnswer>({ method: 'POST', path: webhooks, body });
  context.output.json(hook);
  context.output.print(hook.id);
}

/** `berth registry webhooks ls`. */
export async function listWebhooks({ client, output }: Context): Promise<void> {
  const hooks = await (await client()).json<WebhookAnswer[]>({ path: webhooks });
  output.json(hooks);
  output.table(
    [
      ['ID', 'EVENTS', 'REPOSITORIES', 'SIGNED', 'WAITING', 'DELIVERED', 'LOST', 'URL'],
      ...hooks.map((hook) => [
        hook.id,
        hook.events.join(','),
        hook.repositories,
        hook.secret ?? 'no',
        ...[String(hook.waiting), String(hook.delivered), String(hook.lost)],
        hook.url,
      ]),
    ],
    'No webhooks.',
  );
  for (const { id, problem } of hooks) if (problem !== undefined) output.note(`${id}: ${problem}`);
}

/** `berth registry webhooks rm`. */
export async function removeWebhook(context: Context, id: string): Promise<void> {
  const client = await context.client();
  await client.text({ method: 'DELETE', path: `${webhooks}/${encodeURIComponent(id)}` });
  context.output.print(id);
}

function numberOf(flag: string, text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw invalid('number-invalid', `${flag} '${text}' is not a whole number`);
}
