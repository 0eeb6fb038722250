import type { Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';
import type { HookFlags, MirrorFlags, RuleFlags } from './registry-rules.ts';

/** `berth registry retention`, `mirrors` and `webhooks`. */
export function declareRegistryRules(registry: Command, context: Context): void {
  declareRetention(registry.command('retention').description('which tags go by themselves'), context);
  declareMirrors(registry.command('mirrors').description('other registries through this one'), context);
  declareWebhooks(
    registry.command('webhooks').description('tell others what is pushed, pulled, deleted'),
    context,
  );
}

function declareRetention(retention: Command, context: Context): void {
  retention
    .command('set <pattern>')
    .description('a rule for the repositories of a pattern; what runs or can be gone back to always stays')
    .option('--tags <pattern>', 'for these tags only', '*')
    .option('--keep-last <n>', 'the newest so many stay')
    .option('--older-than <days>', 'go when they were pushed longer ago')
    .option('--unused-for <days>', 'go when nobody pulled them for so long')
    .option('--json', 'print the rule as JSON')
    .addHelpText(
      'after',
      examples(
        "berth registry retention set 'team/**' --keep-last 20",
        "berth registry retention set 'team/**' --tags 'pr-*' --older-than 14",
        'berth registry gc --dry-run    # shows what the rules do',
      ),
    )
    .action(async (pattern: string, options: RuleFlags) =>
      (await import('./registry-rules.ts')).setRule(context, pattern, options),
    );
  retention
    .command('ls')
    .description('list the rules')
    .option('--json', 'print them as JSON')
    .action(async () => (await import('./registry-rules.ts')).listRules(context));
  retention
    .command('rm <pattern>')
    .description('remove a rule')
    .option('--tags <pattern>', 'the one for these tags', '*')
    .action(async (pattern: string, options: RuleFlags) =>
      (await import('./registry-rules.ts')).removeRule(context, pattern, options),
    );
}

function declareMirrors(mirrors: Command, context: Context): void {
  mirrors
    .command('add <prefix> [upstream]')
    .description("serve another registry's repositories below a prefix; * takes the registry from the name")
    .option('--secret <name>', 'the secret with USER:PASSWORD for the upstream (berth secret set)')
    .option('--fresh-for <seconds>', 'so long a tag is taken as it was last seen', '60')
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      examples(
        'berth registry mirrors add hub docker.io    # URL/hub/library/redis:7',
        "berth registry mirrors add '*'              # URL/ghcr.io/team/app:1",
        'berth registry mirrors add library docker.io/library    # URL/library/redis:7, as dockerd asks',
      ),
    )
    .action(async (prefix: string, upstream: string | undefined, options: MirrorFlags) =>
      (await import('./registry-rules.ts')).addMirror(context, prefix, upstream, options),
    );
  mirrors
    .command('ls')
    .description('list the mirrors')
    .option('--json', 'print them as JSON')
    .action(async () => (await import('./registry-rules.ts')).listMirrors(context));
  mirrors
    .command('rm <prefix>')
    .description('ask the upstream no more; what was fetched stays')
    .action(async (prefix: string) => (await import('./registry-rules.ts')).removeMirror(context, prefix));
}

function declareWebhooks(webhooks: Command, context: Context): void {
  webhooks
    .command('add <url>')
    .description('post events to an URL, tried again with growing pauses')
    .option('--events <list>', 'some of push,pull,delete', 'push,delete')
    .option('--repositories <pattern>', 'of these repositories only', '**')
    .option('--secret <name>', 'the secret that signs them, in X-Hub-Signature-256 (berth secret set)')
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      examples(
        "berth registry webhooks add https://ci.example.org/hook --repositories 'team/**' --secret hook_key",
      ),
    )
    .action(async (url: string, options: HookFlags) =>
      (await import('./registry-rules.ts')).addWebhook(context, url, options),
    );
  webhooks
    .command('ls')
    .description('list the webhooks, and what waits, was delivered and was lost')
    .option('--json', 'print them as JSON')
    .action(async () => (await import('./registry-rules.ts')).listWebhooks(context));
  webhooks
    .command('rm <id>')
    .description('remove one with what waits for it')
    .action(async (id: string) => (await import('./registry-rules.ts')).removeWebhook(context, id));
}
