import { readFile } from 'node:fs/promises';

/** A line of /proc/self/mountinfo (proc(5)); later mounts cover earlier ones. */
export interface MountEntry {
  /** Absolute path. */
  point: string;
  /** `shared:7`, `master:3` ... */
  tags: string[];
}

/** What is mounted, as this process sees it. */
export async function mountTable(): Promise<MountEntry[]> {
  return parseMountTable(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** @param text of /proc/self/mountinfo */
export function parseMountTable(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const [point, , ...tags] = line.split(' - ', 1).join('').split(' ').slice(4);
    return point === undefined ? [] : [{ point: unescaped(point), tags }];
  });
}

/** Spaces and the like are octal escapes in paths: they separate fields. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
