import { invalid } from '#base/errors.ts';

/** First and last byte, both included, as HTTP has it. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * Content-Range of an upload: `START-END` (distribution specification, "Pushing a blob in chunks"), or as HTTP writes
 * it, `bytes START-END/TOTAL`. Undefined without the header.
 * @throws invalid `registry-range-malformed`
 */
export function parseContentRange(header: string | undefined): ByteRange | undefined {
  if (header === undefined) return undefined;
  const [, first = '', last = ''] =
    /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\*|\d{1,15}))?$/.exec(header) ?? [];
  const range = { start: Number(first), end: Number(last) };
  if (first !== '' && range.end >= range.start) return range;
  throw invalid(
    'registry-range-malformed',
    `Content-Range '${header.slice(0, 100)}' cannot be read: required is START-END`,
  );
}

/**
 * A Range header against content of `size` bytes (RFC 9110, section 14): undefined when there is none or it is one that
 * is not honoured (several ranges, other units), so that the whole is sent.
 */
export function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start >= size || end < start ? 'unsatisfiable' : { start, end };
}

/** The Range header of an upload: what has come so far; `0-0` also for nothing, as clients expect it. */
export function uploadRange(size: number): string {
  return `0-${Math.max(0, size - 1)}`;
}
