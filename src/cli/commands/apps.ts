import { InvalidArgumentError, type Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';
import type { ConfigOptions } from './compose.ts';
import type { DownOptions } from './down.ts';
import type { LogsOptions } from './logs.ts';
import { declareReplicaCommands, seconds, share } from './replica-commands.ts';
import type { PlanOptions } from './plan.ts';
import type { UpOptions } from './up.ts';
import type { WatchOptions } from './watch.ts';

/** The commands that concern apps. Their code is loaded when they run. */
export function declareAppCommands(root: Command, context: Context): void {
  declareChanges(root, context);
  declareWatch(root, context);
  declareReplicaCommands(root, context);
  declareViews(root, context);
}

const repeatable = (value: string, before: string[]): string[] => [...before, value];

function count(text: string): number | 'all' {
  if (text === 'all') return text;
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("required is a number of lines or 'all'.");
}

/** The options that say which compose files are meant, and how they are read. */
function ofProject(command: Command): Command {
  return command
    .option('-f, --file <file>', 'compose file; a later one changes an earlier one', repeatable, [])
    .option('--env-file <file>', 'file with variables, instead of .env', (value, before?: string[]) => [
      ...(before ?? []),
      value,
    ])
    .option('--profile <name>', 'also the services of this profile', (value, before?: string[]) => [
      ...(before ?? []),
      value,
    ])
    .option('-p, --project-name <name>', 'name of the app, instead of the name in the file')
    .option('--strict', 'keys and values that are not honoured are errors');
}

function declareChanges(root: Command, context: Context): void {
  ofProject(root.command('up [folder-or-file]'))
    .description('make an app run as its compose file says; does nothing when it does already')
    .option('--build', 'build images again whose context did not change')
    .option('--timeout <seconds>', 'how long a service may take to become healthy', seconds)
    .option('--canary <percent>', 'try it with so many replicas beside the present ones', share)
    .option('-y, --yes', 'as for docker compose: nothing is asked anyway')
    .option('-w, --watch', 'then follow its files by develop.watch, until Ctrl-C')
    .option('--overcommit', 'also when more is reserved than the machine has')
    .option('--plan <id>', 'only as berth plan showed it: nothing is done when anything has changed since')
    .option('--json', 'print events as JSON, one a line')
    .addHelpText(
      'after',
      examples(
        'berth up',
        'berth up -f compose.yaml -f production.yaml',
        'berth up --canary 20%',
        'berth up --watch',
      ),
    )
    .action(async (target: string | undefined, options: UpOptions) => {
      const { up } = await import('./up.ts');
      await up(context, target, options);
    });
  ofProject(root.command('plan [folder-or-file]'))
    .description('show what up would do, and why')
    .option('--build', 'build images again whose context did not change')
    .option('--canary <percent>', 'with so many replicas beside the present ones', share)
    .option('--exit-code', 'end with 2 when something would be done, and with 0 when not')
    .option('--json', 'print the plan as JSON')
    .addHelpText(
      'after',
      examples('berth plan', 'berth plan --exit-code', 'berth plan --json | jq .services'),
    )
    .action(async (target: string | undefined, options: PlanOptions) => {
      const { plan } = await import('./plan.ts');
      await plan(context, target, options);
    });
  root
    .command('down [folder-or-file-or-app]')
    .description('stop and remove the containers and networks of an app')
    .option('-v, --volumes', 'remove its volumes too, with their data')
    .option('--timeout <seconds>', 'how long a container may take to stop', seconds)
    .option('--json', 'print events as JSON, one a line')
    .addHelpText('after', examples('berth down', 'berth down guestbook', 'berth down -v examples/guestbook'))
    .action(async (target: string | undefined, options: DownOptions) => {
      const { down } = await import('./down.ts');
      await down(context, target, options);
    });
}

function declareWatch(root: Command, context: Context): void {
  ofProject(root.command('watch [folder-or-service] [service...]'))
    .description('bring an app up and, until Ctrl-C, bring changed files into it as develop.watch says')
    .option('--no-up', 'it is up already')
    .option('--build', 'build images again whose context did not change')
    .option('--timeout <seconds>', 'how long a service may take to become healthy', seconds)
    .option('--overcommit', 'also when more is reserved than the machine has')
    .option('--json', 'print events as JSON, one a line')
    .addHelpText('after', examples('berth watch', 'berth watch web', 'berth watch ./shop web worker'))
    .action(async (first: string | undefined, others: string[], options: WatchOptions) => {
      const { watch } = await import('./watch.ts');
      await watch(context, first === undefined ? [] : [first, ...others], options);
    });
}

function declareViews(root: Command, context: Context): void {
  const compose = root.command('compose').description('look at compose files');
  ofProject(compose.command('config [folder-or-file]'))
    .description('print the compose files of a project as one, with everything included and replaced')
    .option('-q, --quiet', 'only say what is wrong')
    .option('--services', 'print the names of the services instead')
    .option('--json', 'print the app, its services, the YAML and the warnings as JSON')
    .addHelpText('after', examples('berth compose config', 'berth compose config --profile debug'))
    .action(async (target: string | undefined, options: ConfigOptions) => {
      const { composeConfig } = await import('./compose.ts');
      await composeConfig(context, target, options);
    });
  root
    .command('ps [folder-or-file-or-app]')
    .description('show the app of this folder, or all apps: replicas, health, ports')
    .option('--json', 'print them as JSON')
    .addHelpText('after', examples('berth ps', 'berth ps guestbook', "berth ps --json | jq '.[].services'"))
    .action(async (target: string | undefined) => {
      const { ps } = await import('./ps.ts');
      await ps(context, target);
    });
  root
    .command('logs [service]')
    .description('show the output of a service (APP/SERVICE from anywhere), or of a whole app')
    .option('-f, --follow', 'go on with new lines')
    .option('-n, --tail <lines>', 'only the last lines of each container', count)
    .option('--since <time>', 'only lines since a time (RFC 3339), or for so long (10m, 2h)')
    .option('-t, --timestamps', 'show the time of each line')
    .option('--json', 'print lines as JSON')
    .addHelpText(
      'after',
      examples('berth logs', 'berth logs -f web', 'berth logs --since 10m guestbook/redis'),
    )
    .action(async (target: string | undefined, options: LogsOptions) => {
      const { logs } = await import('./logs.ts');
      await logs(context, target, options);
    });
}
