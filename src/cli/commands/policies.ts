import type { Command } from 'commander';
import { examples } from '#cli/commands/host.ts';
import type { Context } from '#cli/context.ts';

/** The commands of network policies. Their code is loaded when they run. */
export function declarePolicyCommands(root: Command, context: Context): void {
  const policy = root.command('policy').description('who may call whom');
  policy
    .command('show [app]')
    .description('list the policies: whom they select, what they allow, where they stand')
    .option('--json', 'print them as JSON')
    .addHelpText('after', examples('berth policy show', 'berth policy show shop'))
    .action(async (app: string | undefined) => {
      const { showPolicies } = await import('./policy.ts');
      await showPolicies(context, app);
    });
  policy
    .command('test <flow...>')
    .description('say whether a connection would pass, and which rule decides; exit code 1 when it would not')
    .option('--app <app>', 'of services that are named without one')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      examples(
        "berth policy test 'web -> db:5432'",
        'berth policy test web db:5432',
        "berth policy test 'shop/web -> 1.1.1.1:443'",
        "berth policy test 'world -> shop/web:80/tcp'",
      ),
    )
    .action(async (words: string[], options: { app?: string }) => {
      const { testFlow } = await import('./policy.ts');
      await testFlow(context, words, options.app);
    });
  policy
    .command('import <file>')
    .description(
      'take Kubernetes NetworkPolicies from a file into the compose file of this folder, or of an app',
    )
    .option('--app <app>', 'instead of the app of this folder')
    .option('--json', 'print what was done as JSON')
    .addHelpText('after', examples('berth policy import np.yaml', 'berth policy import np.yaml --app shop'))
    .action(async (file: string, options: { app?: string }) => {
      const { importPolicy } = await import('./policy-import.ts');
      await importPolicy(context, file, options);
    });
  policy
    .command('denied [app]')
    .description('list the latest connections that were refused')
    .option('-f, --follow', 'go on with those that come')
    .option('--json', 'print each as JSON')
    .addHelpText('after', examples('berth policy denied', 'berth policy denied shop --follow'))
    .action(async (app: string | undefined, options: { follow?: boolean }) => {
      const { showDenied } = await import('./policy.ts');
      await showDenied(context, app, options.follow === true);
    });
}
