import { invalid, type BerthError } from '#base/errors.ts';
import type { Source, Via } from './source.ts';

/** Lines and columns count from 1. */
export interface Position {
  file: string;
  line: number;
  column: number;
}

/** A position with the file's use that it lies in. */
export interface Place extends Position {
  source: Source;
}

export type Severity = 'error' | 'warning' | 'advice';

/** One complaint about a compose file or a file that it names. */
export interface Problem {
  severity: Severity;
  /** Stable, kebab case. */
  code: string;
  /** Where in the document, such as `services.web.ports[0]`; '' for the file as a whole. */
  path: string;
  message: string;
  at: Position;
  hint?: string;
  /** The line may hold a secret: it is not quoted. */
  isPrivate?: true;
  /** How the file came in. */
  via?: readonly Via[];
}

/** The texts by file name, to quote the offending line. */
export type Sources = ReadonlyMap<string, string>;

export function problem(
  severity: Severity,
  code: string,
  place: { path: string; at: Position | Place },
  message: string,
  hint?: string,
): Problem {
  const { file, line, column } = place.at;
  const made: Problem = { severity, code, path: place.path, message, at: { file, line, column } };
  const via = 'source' in place.at ? place.at.source.via : [];
  return { ...made, ...(hint === undefined ? {} : { hint }), ...(via.length === 0 ? {} : { via }) };
}

/** `compose.yaml:12:5: services.web.ports[0]: MESSAGE (code)` with the source line and a caret below. */
export function formatProblem(one: Problem, sources: Sources): string {
  const { file, line, column } = one.at;
  const subject = one.path === '' ? '' : `${one.path}: `;
  const head = `${file}:${line}:${column}: ${subject}${one.message} (${one.code})`;
  const text = one.isPrivate === true ? undefined : sources.get(file);
  const source = text?.split('\n')[line - 1]?.replace(/\r$/, '');
  const lines = [head];
  if (source !== undefined) {
    // A tab before the caret is kept, so that the caret stands below what it means.
    const indent = source.slice(0, column - 1).replace(/[^\t]/g, ' ');
    lines.push(`    ${source}`, `    ${indent}^`);
  }
  if (one.hint !== undefined) lines.push(`    ${one.hint}`);
  for (const { how, at } of (one.via ?? []).toReversed())
    lines.push(`    ${how} at ${at.file}:${at.line}:${at.column}`);
  return lines.join('\n');
}

/** By file and place, each complaint once. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  const seen = new Map<string, Problem>();
  for (const one of problems) {
    const key = `${one.at.file}:${one.at.line}:${one.at.column}:${one.code}:${one.path}:${one.message}`;
    if (!seen.has(key)) seen.set(key, one);
  }
  return [...seen.values()].sort(
    (a, b) => a.at.file.localeCompare(b.at.file) || a.at.line - b.at.line || a.at.column - b.at.column,
  );
}

/** All errors in one, as a person reads them. */
export function composeError(problems: readonly Problem[], sources: Sources): BerthError {
  const errors = inOrder(problems.filter((one) => one.severity === 'error'));
  const text = errors.map((one) => formatProblem(one, sources)).join('\n');
  const count = errors.length === 1 ? '1 error' : `${errors.length} errors`;
  return invalid('compose-invalid', `The compose file has ${count}:\n${text}`);
}
