import type { Command } from 'commander';
import { examples } from '#cli/commands/host.ts';
import type { Context } from '#cli/context.ts';

/** `berth ports`. Its code is loaded when it runs. */
export function declarePortsCommand(root: Command, context: Context): void {
  root
    .command('ports')
    .description(
      'list the ports of this machine that lead to containers: who reaches them, who has them, why',
    )
    .option('--json', 'print them as JSON')
    .addHelpText(
      'after',
      examples('berth ports', 'berth ports --json | jq \'.[] | select(.reach == "public")\''),
    )
    .action(async () => {
      const { listPorts } = await import('./open-ports.ts');
      await listPorts(context);
    });
}
