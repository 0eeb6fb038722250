/** Lines around a difference that are shown with it. */
const around = 2;
/** More comparisons than this are not worth it: the whole text is shown as another one. */
const most = 4_000_000;

/**
 * What differs between two texts, line by line: `-` goes, `+` comes, a space stays; `...` stands for lines that are left
 * out. The fewest changes (longest common subsequence).
 */
export function lineDifference(before: string, after: string): string[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  return shortened(old.length * now.length > most ? replaced(old, now) : compared(old, now));
}

function replaced(old: readonly string[], now: readonly string[]): string[] {
  return [...old.map((line) => `-${line}`), ...now.map((line) => `+${line}`)];
}

function compared(old: readonly string[], now: readonly string[]): string[] {
  // common[i][j]: length of the longest common subsequence of old from i and now from j.
  const common = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
  const at = (i: number, j: number): number => common[i]?.[j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1)
    for (let j = now.length - 1; j >= 0; j -= 1) {
      const row = common[i];
      if (row !== undefined)
        row[j] = old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    const [former, wanted] = [old[i], now[j]];
    if (former !== undefined && former === wanted) {
      lines.push(` ${former}`);
      i += 1;
      j += 1;
    } else if (former !== undefined && (wanted === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(`-${former}`);
      i += 1;
    } else {
      lines.push(`+${wanted ?? ''}`);
      j += 1;
    }
  }
  return lines;
}

function shortened(lines: readonly string[]): string[] {
  const isNear = (at: number): boolean =>
    lines.slice(Math.max(0, at - around), at + around + 1).some((line) => !line.startsWith(' '));
  return lines.flatMap((line, at) => {
    if (isNear(at)) return [line];
    return at === 0 || isNear(at - 1) ? ['...'] : [];
  });
}
