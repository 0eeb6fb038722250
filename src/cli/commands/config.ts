import type { Context } from '#cli/context.ts';

/** `berth config`: every setting in force with its source. */
export async function config({ program, output }: Context): Promise<void> {
  const { effective } = await program.settings();
  output.json(effective);
  output.table([
    ['KEY', 'VALUE', 'SOURCE'],
    ...effective.map(({ key, value, source }) => [key, JSON.stringify(value), source]),
  ]);
}
