import type { Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';
import type { KeyOptions, SetOptions } from './secret.ts';

/** The commands of secrets. Their code is loaded when they run. */
export function declareSecretCommands(root: Command, context: Context): void {
  const secret = root
    .command('secret')
    .description('keep secrets sealed, for apps that name them as external');
  secret
    .command('set <name>')
    .description('keep a value, read from standard input unless an option says otherwise')
    .option('--app <app>', 'for this app only')
    .option('--from-file <file>', 'the content of a file')
    .option('--from-env <variable>', 'what a variable holds')
    .option('--restart', 'give it to the apps that use it, one replica after the other')
    .option('--json', 'print the version as JSON, then events, one a line')
    .addHelpText(
      'after',
      examples(
        'berth secret set db_password <password.txt',
        'berth secret set db_password --app shop --restart',
      ),
    )
    .action(async (name: string, options: SetOptions) => {
      const { setSecret } = await import('./secret.ts');
      await setSecret(context, name, options);
    });
  secret
    .command('ls [app]')
    .description('list names and versions')
    .option('--json', 'print them as JSON')
    .addHelpText('after', examples('berth secret ls', 'berth secret ls shop'))
    .action(async (app: string | undefined) => {
      const { listSecrets } = await import('./secret.ts');
      await listSecrets(context, app);
    });
  secret
    .command('history <name>')
    .description('list the versions of one, and when each came')
    .option('--app <app>', 'of this app')
    .option('--config', 'a config of the app')
    .option('--json', 'print them as JSON')
    .addHelpText('after', examples('berth secret history db_password --app shop'))
    .action(async (name: string, options: { app?: string; config?: boolean }) => {
      const { showVersions } = await import('./secret.ts');
      await showVersions(context, name, options);
    });
  secret
    .command('rm <name>')
    .description('remove one that no app needs')
    .option('--app <app>', 'of this app')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples('berth secret rm db_password'))
    .action(async (name: string, { app }: { app?: string }) => {
      const { removeSecret } = await import('./secret.ts');
      await removeSecret(context, name, app);
    });
  declareKeyCommands(secret, context);
}

function declareKeyCommands(secret: Command, context: Context): void {
  secret
    .command('rotate-key')
    .description('seal all values by a new master key, in a key file or protected by a passphrase')
    .option('--passphrase-file <file>', 'protect it by the first line of a file, - for standard input')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples('berth secret rotate-key', 'berth secret rotate-key --passphrase-file -'))
    .action(async (options: KeyOptions) => {
      const { rotateKey } = await import('./secret.ts');
      await rotateKey(context, options);
    });
  secret
    .command('unlock')
    .description('open what a passphrase protects, until the daemon ends')
    .option('--passphrase-file <file>', 'its first line instead of the first of standard input')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples('berth secret unlock --passphrase-file /run/keys/berth'))
    .action(async (options: KeyOptions) => {
      const { unlock } = await import('./secret.ts');
      await unlock(context, options);
    });
}
