import type { Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';
import type { RunOptions } from './run.ts';

const repeatable = (value: string, before: string[]): string[] => [...before, value];

/** The command for what runs once. Its code is loaded when it runs. */
export function declareRunCommand(root: Command, context: Context): void {
  root
    .command('run <service> [command...]')
    .description('run a command once in a new container of a service, and end with its exit code')
    .option('-e, --env <name=value>', 'a variable beside those of the service', repeatable, [])
    .option('-u, --user <user>', 'another user than the service has')
    .option('-w, --workdir <folder>', 'another working folder than the service has')
    .option('-T, --no-tty', 'no terminal, also when there is one')
    .option('--no-rm', 'keep the container when it has ended')
    .passThroughOptions()
    .addHelpText(
      'after',
      examples(
        'berth run web sh',
        'berth run shop/api ./manage.py migrate',
        'berth run -T db pg_dump > dump.sql',
      ),
    )
    .action(async (target: string, command: string[], options: RunOptions) => {
      const { run } = await import('./run.ts');
      await run(context, target, command, options);
    });
}
