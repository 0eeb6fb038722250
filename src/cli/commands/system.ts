import type { CollectAnswer, CollectBody, DiskAnswer, DiskRowAnswer } from '#api/types/disk.ts';
import type { Context } from '#cli/context.ts';
import { durationWords, sizeWords } from '#cli/render/words.ts';

/** `berth system df`. */
export async function showDisk({ client, output }: Context, { verbose = false }): Promise<void> {
  const disk = await (await client()).json<DiskAnswer>({ path: '/berth/v1/disk' });
  output.json(disk);
  output.table([
    ['TYPE', 'COUNT', 'ACTIVE', 'SIZE', 'RECLAIMABLE', 'LIMIT', 'WHAT GOES'],
    ...disk.rows.map((row) => [
      ...[row.kind, String(row.count), String(row.active)],
      ...[sizeWords(row.size), sizeWords(row.reclaimable)],
      row.limit === undefined ? '-' : sizeWords(row.limit),
      row.rule,
    ]),
  ]);
  output.print();
  const { total, free, keepFree, period } = disk;
  output.print(
    `${sizeWords(free)} of ${sizeWords(total)} are free; ${sizeWords(keepFree)} are to stay free.`,
  );
  output.print(
    period === 0
      ? 'Nothing is removed by itself (disk.period = 0).'
      : `Looked at every ${durationWords(period * 1000)}, and at once while images are brought in or built.`,
  );
  if (verbose) for (const row of disk.rows) showItems(output, row);
}

function showItems(output: Context['output'], { kind, items }: DiskRowAnswer): void {
  if (items.length === 0) return;
  output.print();
  const sorted = items.toSorted((one, other) => other.size - one.size);
  output.table([
    [kind.toUpperCase(), 'SIZE', 'STATE'],
    ...sorted.map(({ name, size, state }) => [name, sizeWords(size), state]),
  ]);
}

/** `berth system collect`, `berth system prune`. */
export async function collectDisk({ client, output }: Context, body: CollectBody): Promise<void> {
  const path = '/berth/v1/disk/collect';
  const gone = await (await client()).json<CollectAnswer>({ method: 'POST', path, body });
  output.json(gone);
  output.table(
    [
      ['KIND', 'SIZE', 'NAME', 'WHY'],
      ...gone.items.map(({ kind, name, bytes, why }) => [kind, sizeWords(bytes), name, why]),
    ],
    'Nothing goes.',
  );
  const verb = body.dryRun === true ? 'would be' : 'are';
  if (gone.items.length > 0) output.print(`${sizeWords(gone.bytes)} ${verb} free by that.`);
  if (gone.short > 0)
    output.note(
      `${sizeWords(gone.short)} are missing all the same: the rest is in use, or not of this engine.`,
    );
}
