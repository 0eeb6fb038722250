import { InvalidArgumentError, type Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';
import type { ReplicaOptions } from './replicas.ts';

/** The commands that concern how many replicas run, and of which revision. */
export function declareReplicaCommands(root: Command, context: Context): void {
  root
    .command('scale <service=replicas...>')
    .description('run another number of replicas, until the compose file says another one')
    .option('--overcommit', 'also when more is reserved than the machine has')
    .option('--timeout <seconds>', 'how long a replica may take to become healthy', seconds)
    .option('--json', 'print events as JSON, one a line')
    .addHelpText('after', examples('berth scale web=5', 'berth scale shop/web=5 shop/worker=2'))
    .action(async (words: string[], options: ReplicaOptions) => {
      const { scale } = await import('./replicas.ts');
      await scale(context, words, options);
    });
  for (const [verb, description, limit] of [
    [
      'restart',
      'make the containers of services anew, one beside the other where that can be',
      'become healthy',
    ],
    ['stop', 'stop services until they are started or the app is brought up', 'stop'],
    ['start', 'start services that were stopped', 'become healthy'],
  ] as const)
    root
      .command(`${verb} [service...]`)
      .description(`${description}; without a name, all of the app`)
      .option('--timeout <seconds>', `how long a container may take to ${limit}`, seconds)
      .option('--json', 'print events as JSON, one a line')
      .addHelpText(
        'after',
        examples(`berth ${verb} web`, `berth ${verb} shop`, `berth ${verb} shop/web shop/db`),
      )
      .action(async (words: string[], options: ReplicaOptions) => {
        const { control } = await import('./replicas.ts');
        await control(context, verb, words, options);
      });
  for (const [verb, description] of [
    ['promote', 'make all replicas as those that berth up --canary tries'],
    ['abort', 'take away what berth up --canary tries'],
  ] as const)
    root
      .command(`${verb} [folder-or-file-or-app]`)
      .description(description)
      .option('--timeout <seconds>', 'how long a replica may take to become healthy', seconds)
      .option('--json', 'print events as JSON, one a line')
      .addHelpText('after', examples(`berth ${verb}`, `berth ${verb} shop`))
      .action(async (target: string | undefined, options: ReplicaOptions) => {
        const { endCanary } = await import('./replicas.ts');
        await endCanary(context, verb, target, options);
      });
}

export function seconds(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('required is a number of seconds.');
}

/** `20%` as 0.2. */
export function share(text: string): number {
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  const value = Number(percent) / 100;
  if (value > 0 && value <= 1) return value;
  throw new InvalidArgumentError('required is a part of the replicas such as 20%.');
}
