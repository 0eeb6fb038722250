import type { Command } from 'commander';
import { forbidden } from '#base/errors.ts';
import type { Context } from '#cli/context.ts';

/** The commands that concern the machine and the daemon. Their code is loaded when they run. */
export function declareHostCommands(root: Command, context: Context): void {
  root
    .command('setup')
    .description('prepare this machine: packages, IPv4 forwarding, control groups')
    .option('--for-tests', 'also what the tests of Berth need')
    .option('--systemd', 'also install and start the systemd unit of the daemon')
    .addHelpText('after', examples('sudo berth setup', 'sudo berth setup --systemd'))
    .action(async (options: { forTests?: true; systemd?: true }) => {
      const { setup } = await import('#cli/commands/setup.ts');
      await setup(context, options);
    });
  root
    .command('doctor')
    .description('check this machine; exit code 1 when something must be repaired')
    .option('--json', 'print the checks as JSON')
    .addHelpText(
      'after',
      examples('berth doctor', 'berth doctor --json | jq \'.checks[] | select(.result != "pass")\''),
    )
    .action(async () => {
      const { doctor } = await import('#cli/commands/doctor.ts');
      await doctor(context);
    });
  root
    .command('config')
    .description('show the settings in force and where each comes from')
    .option('--json', 'print them as JSON')
    .addHelpText('after', examples('berth config', 'BERTH_CONFIG=./test.toml berth config --json'))
    .action(async () => {
      const { config } = await import('#cli/commands/config.ts');
      await config(context);
    });
  root
    .command('daemon')
    .description('run the daemon in the foreground; SIGTERM stops it, containers go on')
    .addHelpText(
      'after',
      examples('sudo berth daemon', 'BERTH_ROOT=/tmp/b BERTH_RUN=/tmp/b/run berth daemon'),
    )
    .action(async () => {
      if (process.getuid?.() !== 0)
        throw forbidden('root-needed', 'the daemon needs root: it makes mounts, namespaces and networks', {
          hint: 'run: sudo berth daemon',
        });
      await context.program.daemon();
    });
  root
    .command('version')
    .description('print the versions of this program and of the daemon')
    .option('--json', 'print them as JSON')
    .addHelpText('after', examples('berth version', 'berth version --json'))
    .action(async () => {
      const { version } = await import('#cli/commands/version.ts');
      await version(context);
    });
}

/** The examples below a command's help. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}
