import { BerthError, type ErrorDetails, type ErrorKind } from '#base/errors.ts';

/** The text that a person wrote. `name` is what errors call it. */
export interface Source {
  name: string;
  lines: string[];
  /** How each line ends: '\n', '\r\n', or '' at the end of the text; absent: all by '\n'. */
  ends?: string[];
}

/** Both count from 1; a column counts UTF-16 units. */
export interface Position {
  line: number;
  column: number;
}

export interface Marking {
  /** Characters that the carets underline. */
  length?: number;
  hint?: string;
}

export function sourceOf(name: string, text: string): Source {
  const parts = text.replace(/^\uFEFF/, '').split(/(\r*\n)/);
  return {
    name,
    lines: parts.filter((_, i) => i % 2 === 0),
    ends: [...parts.filter((_, i) => i % 2 === 1), ''],
  };
}

/** Where in a Dockerfile an error is, for those who show the file themselves. */
export interface ErrorPlace {
  source: Source;
  at: Position;
  /** The message without the excerpt. */
  words: string;
}

/** An error with the place in the Dockerfile below its words. */
export class DockerfileError extends BerthError {
  readonly place: ErrorPlace;

  constructor(
    kind: ErrorKind,
    code: string,
    place: ErrorPlace,
    marking: Marking,
    details: ErrorDetails = marking.hint === undefined ? {} : { hint: marking.hint },
  ) {
    super(kind, code, `${place.words}\n${excerpt(place.source, place.at, marking)}`, details);
    this.place = place;
  }
}

/**
 * A mistake in the Dockerfile: Docker's words first, then file, source line and caret.
 * The code is `dockerfile-invalid`.
 */
export function mistake(
  source: Source,
  at: Position,
  message: string,
  marking: Marking = {},
): DockerfileError {
  const words = `dockerfile parse error on line ${at.line}: ${message}`;
  return new DockerfileError('invalid', 'dockerfile-invalid', { source, at, words }, marking);
}

/** A mistake that shows when the file is worked through: Docker's words alone, then the place as of `mistake`. */
export function misuse(source: Source, at: Position, words: string, marking: Marking = {}): DockerfileError {
  return new DockerfileError('invalid', 'dockerfile-invalid', { source, at, words }, marking);
}

/** The place, the source line and carets below it, and what may help. */
export function excerpt(source: Source, at: Position, marking: Marking = {}): string {
  const text = source.lines[at.line - 1] ?? '';
  const gutter = String(at.line);
  const room = Math.max(1, text.length - at.column + 1);
  const carets = '^'.repeat(Math.min(Math.max(1, marking.length ?? 1), room));
  // A tab before the caret stays a tab, so that the caret stands below its character on every terminal.
  const indent = text.slice(0, at.column - 1).replaceAll(/[^\t]/g, ' ');
  const lines = [
    `${source.name}:${at.line}:${at.column}`,
    `  ${gutter} | ${text}`,
    `  ${' '.repeat(gutter.length)} | ${indent}${carets}`,
  ];
  if (marking.hint !== undefined) lines.push(`  ${marking.hint}`);
  return lines.join('\n');
}
