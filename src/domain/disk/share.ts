import { parseBytes } from '#domain/units/bytes.ts';

const percent = /^(\d{1,2}(?:\.\d+)?|100)%$/;

/** Whether a text is a share of a disk (`5%`), a size (`20g`), or both with a comma between them. */
export function isShare(text: string): boolean {
  const parts = text.split(',');
  return parts.length <= 2 && parts.every((part) => percent.test(part) || parseBytes(part) !== undefined);
}

/** Bytes of a disk of `total` bytes that a share stands for: the smaller of what it names. */
export function shareBytes(text: string, total: number): number {
  return Math.min(
    ...text.split(',').map((part) => {
      const found = percent.exec(part)?.[1];
      return found === undefined ? (parseBytes(part) ?? 0) : Math.floor((Number(found) / 100) * total);
    }),
  );
}
