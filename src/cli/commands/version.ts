import { BerthError } from '#base/errors.ts';
import type { Context } from '#cli/context.ts';

/** `berth version`: this program, and the daemon when one answers. */
export async function version(context: Context): Promise<void> {
  const { program, output } = context;
  const client = await context.client();
  const daemon = await client.json({ path: '/version' }).catch((error: unknown) => {
    if (!(error instanceof BerthError)) throw error;
    if (error.code !== 'daemon-unreachable' && error.code !== 'socket-forbidden') throw error;
    return undefined;
  });
  output.json({ client: program.version, daemon: daemon ?? null });
  output.print(`berth ${program.version}`);
  output.print(
    daemon === undefined
      ? `daemon: none answers on ${client.host}`
      : `daemon ${versionOf(daemon)} on ${client.host}`,
  );
}

function versionOf(answer: unknown): string {
  if (typeof answer !== 'object' || answer === null || !('Version' in answer)) return 'unknown';
  return String(answer.Version);
}
