/**
 * Compares two versions of Debian packages as `dpkg --compare-versions` does (Debian Policy 5.6.12): below 0 when `a` is
 * the older one, 0 when they mean the same, such as `1.0` and `0:1.0-0`.
 */
export function compareVersions(a: string, b: string): number {
  const one = split(a);
  const other = split(b);
  return (
    compareNumbers(one.epoch, other.epoch) ||
    comparePart(one.upstream, other.upstream) ||
    comparePart(one.revision, other.revision)
  );
}

/** The part that upstream gave, without the repackager's suffix: `18.20.4` of `18.20.4+dfsg-1~deb12u1`. */
export function upstreamVersion(version: string): string {
  return split(version).upstream.replace(/[+~].*$/, '');
}

function split(version: string): { epoch: string; upstream: string; revision: string } {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const hyphen = rest.lastIndexOf('-');
  return {
    epoch: colon < 0 ? '' : version.slice(0, colon),
    upstream: hyphen < 0 ? rest : rest.slice(0, hyphen),
    revision: hyphen < 0 ? '' : rest.slice(hyphen + 1),
  };
}

/** Runs of other characters and runs of digits, in turn, beginning with the former; both may be empty. */
function comparePart(a: string, b: string): number {
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [word, otherWord] = [run(a, i, false), run(b, j, false)];
    const order = compareWords(word, otherWord);
    if (order !== 0) return order;
    i += word.length;
    j += otherWord.length;
    const [digits, otherDigits] = [run(a, i, true), run(b, j, true)];
    const difference = compareNumbers(digits, otherDigits);
    if (difference !== 0) return difference;
    i += digits.length;
    j += otherDigits.length;
  }
  return 0;
}

function run(text: string, from: number, ofDigits: boolean): string {
  let end = from;
  while (end < text.length && isDigit(text.charCodeAt(end)) === ofDigits) end++;
  return text.slice(from, end);
}

function compareWords(a: string, b: string): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = weight(a, i) - weight(b, i);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A tilde comes before the end, the end before letters, and letters before all else. */
function weight(text: string, at: number): number {
  if (at >= text.length) return 0;
  const code = text.charCodeAt(at);
  if (text[at] === '~') return -1;
  return /[A-Za-z]/.test(text[at] ?? '') ? code : code + 256;
}

/** As numbers of any length. */
function compareNumbers(a: string, b: string): number {
  const [one, other] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  if (one.length !== other.length) return one.length - other.length;
  return one < other ? -1 : one > other ? 1 : 0;
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;
