import type { Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';

/** `berth advise`: limits that fit what was measured. Its code is loaded when it runs. */
export function declareAdviseCommand(root: Command, context: Context): void {
  root
    .command('advise [app]')
    .description('propose limits from what services were seen to use')
    .option('--patch', 'print only the patch of the compose files')
    .option('--json', 'print use and advice as JSON')
    .addHelpText('after', examples('berth advise', 'berth advise shop --patch | git apply'))
    .action(async (app: string | undefined, options: { patch?: true }) => {
      const { advise } = await import('./advise.ts');
      await advise(context, app, options);
    });
}

/** `berth autoscale ...`: services whose number of replicas follows from what they do. Loaded when they run. */
export function declareAutoscaleCommands(root: Command, context: Context): void {
  const autoscale = root
    .command('autoscale')
    .description('services whose number of replicas follows from what they do');
  autoscale
    .command('ls')
    .description('list them: readings, replicas, bounds, last change')
    .option('--json', 'print them as JSON')
    .addHelpText('after', examples('berth autoscale ls'))
    .action(async () => {
      const { listAutoscaled } = await import('./autoscale.ts');
      await listAutoscaled(context);
    });
  autoscale
    .command('explain <app/service>')
    .description('show readings, the calculation with its numbers, the limits, and what would happen now')
    .option('--json', 'print it as JSON')
    .addHelpText('after', examples('berth autoscale explain shop/web'))
    .action(async (service: string) => {
      const { explainAutoscale } = await import('./autoscale.ts');
      await explainAutoscale(context, service);
    });
}
