import type { Extraction } from './extract.ts';

/**
 * Extractions on their way to a worker thread. Files without more than the usual facts, nearly all, go as one text and an array of
 * numbers: as objects some thousand of them take tens of milliseconds on either side.
 */
export interface ExtractionBatch {
  /** Of each where it is to be and where it comes from, all separated by zero bytes. */
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
  const paths = usual.flatMap(({ to, from = '' }): string[] => [to, from]).join('\0');
  return { paths, numbers, others: items.filter((item) => !isUsual(item)) };
}

export function itemsOf({ paths, numbers, others }: ExtractionBatch): Extraction[] {
  const names = paths.split('\0');
  const items = Array.from({ length: numbers.length / numbersOfEach }, (_, at): Extraction => {
    const [to = '', from = ''] = names.slice(at * 2, at * 2 + 2);
    const [mtime = 0, size = 0, offset = 0, mode = 0, uid = 0, gid = 0] = numbers.subarray(
      at * numbersOfEach,
      (at + 1) * numbersOfEach,
    );
    const about = { mtime, size, offset, mode, owner: { uid, gid }, linkName: '' };
    return { to, kind: 'file', ...about, ...(from !== '' && { from }) };
  });
  return [...items, ...others];
}

function isUsual({ kind, xattrs }: Extraction): boolean {
  return kind === 'file' && xattrs === undefined;
}
