import type { Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';
import type { LoginOptions } from './login.ts';
import type { TransferOptions } from './transfer.ts';

/** The commands that bring images in and send them away. Their code is loaded when they run. */
export function declareTransferCommands(root: Command, context: Context): void {
  root
    .command('pull <image...>')
    .description('fetch images from their registries; goes on where an interrupted pull stopped')
    .option('-a, --all-tags', 'every tag of the repository')
    .option('-q, --quiet', 'print only the names of the images')
    .option('--platform <platform>', 'of an image for several platforms this one: linux/arm64')
    .option('--json', 'print the progress as JSON, one object a line')
    .addHelpText(
      'after',
      examples('berth pull redis:7', 'berth pull -q ghcr.io/team/app:1 ghcr.io/team/tool:2'),
    )
    .action(async (names: string[], options: TransferOptions) => {
      const { pull } = await import('./transfer.ts');
      await pull(context, names, options);
    });
  root
    .command('push <image...>')
    .description('send images to their registries; what a registry has is not sent')
    .option('-a, --all-tags', 'every tag of the repository')
    .option('-q, --quiet', 'print only the names of the images')
    .option('--json', 'print the progress as JSON, one object a line')
    .addHelpText(
      'after',
      examples('berth push ghcr.io/team/app:1', 'berth push -a registry.example:5000/app'),
    )
    .action(async (names: string[], options: TransferOptions) => {
      const { push } = await import('./transfer.ts');
      await push(context, names, options);
    });
  root
    .command('login [server]')
    .description(
      "check credentials for a registry, Docker Hub's unless named, and keep them where Docker does",
    )
    .option('-u, --username <name>', 'the name; asked for without it')
    .option('--password-stdin', 'the password comes by standard input')
    .option('--json', 'print the outcome as JSON')
    .addHelpText(
      'after',
      examples('berth login ghcr.io', 'berth login -u ci --password-stdin registry.example <token.txt'),
    )
    .action(async (server: string | undefined, options: LoginOptions) => {
      const { login } = await import('./login.ts');
      await login(context, server ?? '', options);
    });
  root
    .command('logout [server]')
    .description('forget the credentials for a registry')
    .option('--json', 'print the outcome as JSON')
    .addHelpText('after', examples('berth logout ghcr.io'))
    .action(async (server: string | undefined) => {
      const { logout } = await import('./login.ts');
      await logout(context, server ?? '');
    });
}
