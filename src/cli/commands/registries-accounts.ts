import type { Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';
import type { TokenFlags, UserFlags } from './registry-accounts.ts';

const repeatable = (text: string, before: string[]): string[] => [...before, text];

/** `berth registry users` and `berth registry tokens`. */
export function declareRegistryAccounts(registry: Command, context: Context): void {
  declareUsers(registry.command('users').description('who may use the registry, and for what'), context);
  declareTokens(
    registry.command('tokens').description("secrets that take the place of a user's password"),
    context,
  );
}

function declareUsers(users: Command, context: Context): void {
  users
    .command('add <name>')
    .description('add a user; the password is the first line of standard input or of a file')
    .option('--password-file <file>', 'its first line instead')
    .option(
      '--grant <pattern=actions>',
      'a right, such as team/**=pull,push; may be given several times',
      repeatable,
      [],
    )
    .option('--json', 'print the user as JSON')
    .addHelpText(
      'after',
      examples(
        "berth registry users add ci --grant 'team/**=pull,push' <password.txt",
        "berth registry users add admin --grant '**=pull,push,delete'",
      ),
    )
    .action(async (name: string, options: UserFlags) =>
      (await import('./registry-accounts.ts')).addUser(context, name, options),
    );
  users
    .command('ls')
    .description('list users and their rights')
    .option('--json', 'print them as JSON')
    .action(async () => (await import('./registry-accounts.ts')).listUsers(context));
  users
    .command('passwd <name>')
    .description('change a password, read as with add')
    .option('--password-file <file>', 'its first line instead')
    .action(async (name: string, options: UserFlags) =>
      (await import('./registry-accounts.ts')).changePassword(context, name, options),
    );
  users
    .command('grant <name> <pattern> <actions>')
    .description('say what a user may with the repositories of a pattern: pull,push,delete')
    .option('--json', 'print the user as JSON')
    .addHelpText(
      'after',
      examples(
        "berth registry users grant ci 'team/*' pull,push",
        "berth registry users grant anonymous 'public/**' pull",
      ),
    )
    .action(async (name: string, pattern: string, actions: string) =>
      (await import('./registry-accounts.ts')).grantRight(context, name, pattern, actions),
    );
  users
    .command('revoke <name> <pattern>')
    .description('take back what was granted for exactly this pattern')
    .option('--json', 'print the user as JSON')
    .action(async (name: string, pattern: string) =>
      (await import('./registry-accounts.ts')).grantRight(context, name, pattern, ''),
    );
  users
    .command('rm <name>')
    .description('remove a user with all tokens')
    .action(async (name: string) => (await import('./registry-accounts.ts')).removeUser(context, name));
}

function declareTokens(tokens: Command, context: Context): void {
  tokens
    .command('create <user>')
    .description('make a token and print it this once')
    .option('--name <name>', 'what it is for', '')
    .option('--days <days>', 'it holds so long; without, until it is removed')
    .option(
      '--only <pattern=actions>',
      'narrow what its user may; may be given several times',
      repeatable,
      [],
    )
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      examples("berth registry tokens create ci --name pipeline --days 90 --only 'team/app=pull,push'"),
    )
    .action(async (user: string, options: TokenFlags) =>
      (await import('./registry-accounts.ts')).createToken(context, user, options),
    );
  tokens
    .command('ls')
    .description('list tokens')
    .option('--json', 'print them as JSON')
    .action(async () => (await import('./registry-accounts.ts')).listTokens(context));
  tokens
    .command('rm <id>')
    .description('remove one: it holds no more at once')
    .action(async (id: string) => (await import('./registry-accounts.ts')).removeToken(context, id));
}
