import type { Outline, Target } from '#domain/dockerfile/outline.ts';

interface Location {
  /** The first range is the place; lines count from 1. */
  ranges: { start: { line: number }; end: { line: number } }[];
}

/** BuildKit's lint.LintResults. */
export interface CheckReport {
  warnings: { ruleName: string; description: string; url: string; detail: string; location: Location }[];
  sources: { filename: string; language: string; data: string }[];
  buildError?: { message: string; location: Location };
}

/** BuildKit's subrequests.Request. */
export interface SubrequestDefinition {
  name: string;
  version: string;
  type: string;
  description: string;
  opts: { name: string; description: string }[];
  metadata: { name: string }[];
}

/** How many lines are shown around the place of one line, and of several. */
const around = { one: 4, several: 2 };

export function checkText({ warnings }: CheckReport, file: { name: string; text: string }): string {
  return warnings
    .map(({ ruleName, url, detail, location }) => {
      const more = url === '' ? '' : ` - ${url}`;
      return `\nWARNING: ${ruleName}${more}\n${detail}\n${placeText(file, location)}`;
    })
    .join('');
}

function placeText({ name, text }: { name: string; text: string }, { ranges: [range] }: Location): string {
  const lines = text.split('\n');
  const { start, end } = { start: range?.start.line ?? 1, end: range?.end.line ?? 1 };
  let [first, last] = [start, Math.min(end, lines.length)];
  // As BuildKit: a line on each side in turn, and a turn counts too, so that nothing goes on for ever.
  const most = first === last ? around.one : around.several;
  for (let added = 0; added < most; added++) {
    if (first > 1) {
      first--;
      added++;
    }
    if (last < lines.length) {
      last++;
      added++;
    }
  }
  const shown = lines.slice(first - 1, last).map((line, index) => {
    const number = first + index;
    return ` ${String(number).padStart(3)} | ${number >= start && number <= end ? '>>>' : '   '} ${line}\n`;
  });
  const rule = '-'.repeat(20);
  return `${name}:${start}\n${rule}\n${shown.join('')}${rule}\n`;
}

export function outlineText({ name, description = '', args, secrets, ssh }: Outline): string {
  const head = [['TARGET:', name === '' ? '(default)' : name]];
  if (description !== '') head.push(['DESCRIPTION:', description]);
  const required = (title: string, entries: Outline['secrets']): string[][] => [
    [title, 'REQUIRED'],
    ...entries.map((entry) => [entry.name, entry.required ? 'true' : '']),
  ];
  const parts = [
    name === '' && description === '' ? '' : columns(head, 1),
    section([
      ['BUILD ARG', 'VALUE', 'DESCRIPTION'],
      ...args.map((arg) => [arg.name, arg.value ?? '', arg.description ?? '']),
    ]),
    section(required('SECRET', secrets)),
    section(required('SSH', ssh)),
  ];
  return parts.map((part) => (part === '' ? '' : `${part}\n`)).join('');
}

/** Nothing for a title alone. */
function section(rows: string[][]): string {
  return rows.length === 1 ? '' : columns(rows, 3);
}

export function targetsText(targets: readonly Target[]): string {
  const rows = targets.map(({ name, isDefault, description = '' }) => {
    const words = [...(name === '' ? [] : [name]), ...(isDefault ? ['(default)'] : [])];
    return [words.join(' '), description];
  });
  return columns([['TARGET', 'DESCRIPTION'], ...rows], 1);
}

export function requestsText(requests: readonly SubrequestDefinition[]): string {
  const rows = requests.map(({ name, version, description }) => [
    name.replace(/^frontend\./, ''),
    version,
    description,
  ]);
  return columns([['NAME', 'VERSION', 'DESCRIPTION'], ...rows], 1);
}

/** Rows whose cells, but for the last, are as wide as the widest of their column and `gap` spaces. */
function columns(rows: readonly string[][], gap: number): string {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd((widths[i] ?? 0) + gap))).join(''),
  );
  return `${lines.join('\n')}\n`;
}
