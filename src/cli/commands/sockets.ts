import type { Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';
import type { CreateOptions } from './socket.ts';

const words = (text: string, before: string[]): string[] => [
  ...before,
  ...text.split(',').filter((word) => word !== ''),
];
const repeatable = (text: string, before: string[]): string[] => [...before, text];

/** The commands of scoped sockets. Their code is loaded when they run. */
export function declareSocketCommands(root: Command, context: Context): void {
  const socket = root
    .command('socket')
    .description('sockets that allow a part of the API and refuse the rest');
  socket
    .command('create <path>')
    .description('serve a socket that allows what is listed, until it is removed')
    .requiredOption('--allow <scopes>', 'what it allows, such as containers:read,events:read', words, [])
    .option('--label <key=value>', 'only containers with this label exist for it', repeatable, [])
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      examples(
        'berth socket create /run/berth/scoped/traefik.sock --allow containers:read,events:read,networks:read',
        'berth socket create /run/berth/scoped/logs.sock --allow containers:read,containers:logs --label app=shop',
        "berth socket create /run/x.sock --allow ''    # lists all scopes",
      ),
    )
    .action(async (path: string, options: CreateOptions) => {
      const { createSocket } = await import('./socket.ts');
      await createSocket(context, path, options);
    });
  socket
    .command('ls')
    .description('list the scoped sockets')
    .option('--json', 'print them as JSON')
    .action(async () => {
      const { listSockets } = await import('./socket.ts');
      await listSockets(context);
    });
  socket
    .command('rm <path>')
    .description('cut the connections of a scoped socket and remove it')
    .action(async (path: string) => {
      const { removeSocket } = await import('./socket.ts');
      await removeSocket(context, path);
    });
}
