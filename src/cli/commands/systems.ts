import type { Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';

interface Flags {
  dryRun?: true;
}

/** `berth system ...`: what takes the disk, and what is done about it. Loaded when they run. */
export function declareSystemCommands(root: Command, context: Context): void {
  const system = root
    .command('system')
    .description('what takes the disk, and what keeps it from filling up')
    .addHelpText(
      'after',
      examples('berth system df', 'berth system collect --dry-run', 'berth system prune --dry-run'),
    );
  system
    .command('df')
    .description('show what takes the disk, with the rules that hold')
    .option('-v, --verbose', 'also each image, container, volume, log ...')
    .option('--json', 'print it as JSON')
    .addHelpText('after', examples('berth system df', 'berth system df -v'))
    .action(async (options: { verbose?: true }) => (await import('./system.ts')).showDisk(context, options));
  declareCollect(system, context);
}

function declareCollect(system: Command, context: Context): void {
  const collect = async (unused: boolean, { dryRun }: Flags): Promise<void> =>
    (await import('./system.ts')).collectDisk(context, { dryRun: dryRun === true, unused });
  system
    .command('collect')
    .description('remove now what the rules say, as the daemon does by itself')
    .option('--dry-run', 'show what would go, and why')
    .option('--json', 'print it as JSON')
    .addHelpText('after', examples('berth system collect --dry-run'))
    .action((options: Flags) => collect(false, options));
  system
    .command('prune')
    .description('remove images, build cache and downloads that nothing uses; never containers and volumes')
    .option('--dry-run', 'show what would go, and why')
    .option('--json', 'print it as JSON')
    .addHelpText('after', examples('berth system prune --dry-run', 'berth system prune'))
    .action((options: Flags) => collect(true, options));
}
