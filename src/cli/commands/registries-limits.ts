import type { Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';
import type { QuotaFlags, TagFlags } from './registry-limits.ts';

/** `berth registry quotas` and `immutable`. */
export function declareRegistryLimits(registry: Command, context: Context): void {
  declareQuotas(registry.command('quotas').description('how much repositories may hold'), context);
  declareImmutable(
    registry.command('immutable').description('tags that are never moved or removed'),
    context,
  );
}

function declareQuotas(quotas: Command, context: Context): void {
  quotas
    .command('set <pattern> <size>')
    .description('a limit for each repository of a pattern, such as 20GB; a push beyond it is refused')
    .option('--together', 'for all of them together')
    .option('--json', 'print the quota as JSON')
    .addHelpText(
      'after',
      examples(
        "berth registry quotas set 'team/**' 20GB",
        "berth registry quotas set '**' 500GB --together    # the whole registry",
      ),
    )
    .action(async (pattern: string, size: string, options: QuotaFlags) =>
      (await import('./registry-limits.ts')).setQuota(context, pattern, size, options),
    );
  quotas
    .command('ls')
    .description('list the quotas; berth registry ls shows the room that is left')
    .option('--json', 'print them as JSON')
    .action(async () => (await import('./registry-limits.ts')).listQuotas(context));
  quotas
    .command('rm <pattern>')
    .description('remove a quota')
    .option('--together', 'the one for all of them together')
    .action(async (pattern: string, options: QuotaFlags) =>
      (await import('./registry-limits.ts')).removeQuota(context, pattern, options),
    );
}

function declareImmutable(immutable: Command, context: Context): void {
  immutable
    .command('set <pattern>')
    .description('tags of these repositories name for good what they were pushed with')
    .option('--tags <pattern>', 'these tags only', '*')
    .option('--json', 'print the rule as JSON')
    .addHelpText('after', examples("berth registry immutable set 'team/**' --tags 'v*'"))
    .action(async (pattern: string, options: TagFlags) =>
      (await import('./registry-limits.ts')).setImmutable(context, pattern, options),
    );
  immutable
    .command('ls')
    .description('list the rules')
    .option('--json', 'print them as JSON')
    .action(async () => (await import('./registry-limits.ts')).listImmutable(context));
  immutable
    .command('rm <pattern>')
    .description('remove a rule')
    .option('--tags <pattern>', 'the one for these tags', '*')
    .action(async (pattern: string, options: TagFlags) =>
      (await import('./registry-limits.ts')).removeImmutable(context, pattern, options),
    );
}
