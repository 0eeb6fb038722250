import type { Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';
import type { ReplicaOptions } from './replicas.ts';
import { seconds } from './replica-commands.ts';

/** The commands that concern what an app was. Their code is loaded when they run. */
export function declareHistoryCommands(root: Command, context: Context): void {
  root
    .command('history [app] [revision]')
    .description(
      'list the revisions of an app: when, who, why, what changed; or show one with all its differences',
    )
    .option('--json', 'print them as JSON')
    .addHelpText('after', examples('berth history', 'berth history shop', 'berth history shop 3'))
    .action(async (first: string | undefined, second: string | undefined) => {
      const { showHistory } = await import('./history.ts');
      await showHistory(context, first, second);
    });
  root
    .command('rollback [revision] [app]')
    .description(
      'make an app as a revision was: images, environment, configs as one; without a number the one before',
    )
    .option('--overcommit', 'also when more is reserved than the machine has')
    .option('--timeout <seconds>', 'how long a replica may take to become healthy', seconds)
    .option('--json', 'print events as JSON, one a line')
    .addHelpText('after', examples('berth rollback', 'berth rollback 3', 'berth rollback 3 shop'))
    .action(async (first: string | undefined, second: string | undefined, options: ReplicaOptions) => {
      const { rollback } = await import('./history.ts');
      await rollback(context, first, second, options);
    });
}
