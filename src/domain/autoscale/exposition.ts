import { invalid } from '#base/errors.ts';

/** One line of the text format of Prometheus ("Exposition formats", "Text-based format"). */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const namePattern = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const head = new RegExp(`^(${namePattern})[ \\t]*(\\{)?`);
const label = /^[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\\n]|\\[\\"n])*)"[ \t]*(,)?/;
const rest = /^[ \t]+(\S+)(?:[ \t]+(-?\d+(?:\.\d+)?))?(?:[ \t]+#.*)?[ \t]*$/;
const number = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * The samples of one metric. Other lines are not looked at, so that a fault elsewhere harms nobody.
 * @throws invalid `metric-text-invalid` with the line
 */
export function samplesOf(text: string, name: string): Sample[] {
  return text.split('\n').flatMap((line, index) => {
    const at = line.trim();
    if (at.startsWith('#') || !at.startsWith(name) || head.exec(at)?.[1] !== name) return [];
    return [readSample(at, index + 1)];
  });
}

function readSample(line: string, at: number): Sample {
  const [start = '', name = '', open] = head.exec(line) ?? [];
  let left = line.slice(start.length);
  const labels: Record<string, string> = {};
  if (open !== undefined) left = readLabels(left, labels, at);
  else if (!/^[ \t]/.test(left)) left = ` ${left}`;
  const [, text = ''] = rest.exec(left) ?? [];
  const value = valueOf(text);
  if (value === undefined) throw fault(at, `'${left.trim().slice(0, 40)}' is no value`);
  return { name, labels, value };
}

/** Gives what comes after the closing brace. */
function readLabels(text: string, labels: Record<string, string>, at: number): string {
  let left = text;
  let mayFollow = true;
  for (;;) {
    const end = /^[ \t]*\}/.exec(left);
    if (end !== null) return left.slice(end[0].length);
    const found: RegExpExecArray | null = mayFollow ? label.exec(left) : null;
    if (found === null) throw fault(at, `labels end or go wrong at '${left.slice(0, 40)}'`);
    const [, key = '', value = '']: string[] = found;
    mayFollow = found[3] !== undefined;
    labels[key] = value.replace(/\\([\\"n])/g, (_all, char: string) => (char === 'n' ? '\n' : char));
    left = left.slice(found[0].length);
  }
}

function valueOf(text: string): number | undefined {
  if (/^\+?Inf$/i.test(text)) return Infinity;
  if (/^-Inf$/i.test(text)) return -Infinity;
  if (/^NaN$/i.test(text)) return NaN;
  return number.test(text) ? Number(text) : undefined;
}

function fault(line: number, problem: string): Error {
  return invalid(
    'metric-text-invalid',
    `line ${line} of the metrics is not in Prometheus' text format: ${problem}`,
  );
}

/** The sum of the series that have these labels; undefined when there is none, or one is no number. */
export function metricValue(
  text: string,
  { name, labels }: { name: string; labels: Readonly<Record<string, string>> },
): number | undefined {
  const wanted = Object.entries(labels);
  const found = samplesOf(text, name).filter((one) =>
    wanted.every(([key, value]) => (one.labels[key] ?? '') === value),
  );
  const sum = found.reduce((total, one) => total + one.value, 0);
  return found.length === 0 || !Number.isFinite(sum) ? undefined : sum;
}
