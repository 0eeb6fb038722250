import type { Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';

/** The commands of services that run at times. Their code is loaded when they run. */
export function declareScheduleCommands(root: Command, context: Context): void {
  const schedule = root
    .command('schedule [app]')
    .description('list the services that run at times, with their last and next run')
    .option('--json', 'print them as JSON')
    .addHelpText('after', examples('berth schedule', 'berth schedule shop'))
    .action(async (app: string | undefined) => {
      const { listSchedules } = await import('./schedule.ts');
      await listSchedules(context, app);
    });
  schedule
    .command('run <app/service>')
    .description('run one now, beside its schedule')
    .option('--json', 'print the run as JSON')
    .addHelpText('after', examples('berth schedule run shop/backup'))
    .action(async (job: string) => {
      const { runSchedule } = await import('./schedule.ts');
      await runSchedule(context, job);
    });
  schedule
    .command('history <app/service>')
    .description('list its latest runs')
    .option('--json', 'print them as JSON')
    .addHelpText('after', examples('berth schedule history shop/backup'))
    .action(async (job: string) => {
      const { showHistory } = await import('./schedule.ts');
      await showHistory(context, job);
    });
}
