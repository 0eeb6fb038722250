import type { Extraction } from './extract.ts';

/**
 * Extractions on their way to a worker thread. Files without more than the usual facts, nearly all, go as one text and an array of
 * numbers: as objects some thousand of them take tens of milliseconds on either side.
 */
export interface ExtractionBatch {
  /** Separated by zero bytes. */
  paths: string;
  numbers: Float64Array<ArrayBuffer>;
  others: Extraction[];
}

const numbersOfEach = 6;

export function batchOf(items: readonly Extraction[]): ExtractionBatch {
  const usual = items.filter(isUsual);
  const numbers = new Float64Array(usual.length * numbersOfEach);
  usual.forEach(({ mtime, size, offset, mode, owner }, at) =>
    numbers.set([mtime, size, offset, mode, owner.uid, owner.gid], at * numbersOfEach),
  );
  const paths = usual.map(({ to }) => to).join('\0');
  return { paths, numbers, others: items.filter((item) => !isUsual(item)) };
}

export function itemsOf({ paths, numbers, others }: ExtractionBatch): Extraction[] {
  const usual = paths === '' ? [] : paths.split('\0');
  const items = usual.map((to, at): Extraction => {
    const [mtime = 0, size = 0, offset = 0, mode = 0, uid = 0, gid = 0] = numbers.subarray(
      at * numbersOfEach,
      (at + 1) * numbersOfEach,
    );
    return { to, kind: 'file', mtime, size, offset, mode, owner: { uid, gid }, linkName: '' };
  });
  return [...items, ...others];
}

function isUsual({ kind, xattrs }: Extraction): boolean {
  return kind === 'file' && xattrs === undefined;
}
