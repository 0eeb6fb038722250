import { findHeredocs, type Heredoc } from './heredoc.ts';
import { mistake, type Position, type Source } from './source.ts';

/** An instruction with its continuation lines joined and comments inside them left out. */
export interface LogicalLine {
  text: string;
  /** Where the text from `offset` on stands in the source, in order. */
  pieces: { offset: number; at: Position }[];
  heredocs: Heredoc[];
  /** The last source line that belongs to it. */
  endLine: number;
}

/** The place in the source of an offset in the joined text. */
export function positionAt(line: LogicalLine, offset: number): Position {
  let piece = line.pieces[0];
  for (const candidate of line.pieces) if (candidate.offset <= offset) piece = candidate;
  if (piece === undefined) return { line: line.endLine, column: 1 };
  return { line: piece.at.line, column: piece.at.column + offset - piece.offset };
}

/**
 * Joins the source's lines from `first` (from 0) on into logical lines, here-documents taken in.
 * @throws invalid `dockerfile-invalid` for a here-document without its end
 */
export function logicalLines(source: Source, escape: string, first: number): LogicalLine[] {
  const found: LogicalLine[] = [];
  let next = first;
  while (next < source.lines.length) {
    const line = joinLine(source, escape, next);
    next = line.endLine;
    if (line.text.trim() === '') continue;
    next = takeHeredocs(source, escape, line, next);
    line.endLine = next;
    found.push(line);
  }
  return found;
}

function joinLine(source: Source, escape: string, start: number): LogicalLine {
  const joined: LogicalLine = { text: '', pieces: [], heredocs: [], endLine: start };
  for (let index = start; index < source.lines.length; index++) {
    const raw = source.lines[index] ?? '';
    const isFirst = joined.pieces.length === 0;
    joined.endLine = index + 1;
    if (/^\s*#/.test(raw) || raw.trim() === '') {
      if (isFirst) return joined;
      continue;
    }
    const indent = isFirst ? raw.length - raw.trimStart().length : 0;
    const { text, continues } = cutContinuation(raw.slice(indent), escape);
    joined.pieces.push({ offset: joined.text.length, at: { line: index + 1, column: indent + 1 } });
    joined.text += text;
    if (!continues) return joined;
  }
  return joined;
}

// An escape character at the end continues the line; white space may follow it, a doubled one does not count.
function cutContinuation(text: string, escape: string): { text: string; continues: boolean } {
  const trimmed = text.replace(/[ \t]+$/, '');
  if (!trimmed.endsWith(escape)) return { text, continues: false };
  const before = trimmed.slice(0, -1);
  if (before.endsWith(escape)) return { text, continues: false };
  return { text: before, continues: true };
}

const takesHeredocs = /^(?:onbuild\s+)?(?:run|copy|add)\s/i;

function takeHeredocs(source: Source, escape: string, line: LogicalLine, next: number): number {
  if (!takesHeredocs.test(line.text)) return next;
  let index = next;
  for (const { offset, heredoc } of findHeredocs(line.text, escape)) {
    const body: string[] = [];
    for (;;) {
      const raw = source.lines[index++];
      if (raw === undefined)
        throw mistake(source, positionAt(line, offset), `unterminated heredoc '${heredoc.name}'`, {
          hint: `write a line '${heredoc.name}' after its text`,
        });
      const text = heredoc.chomp ? raw.replace(/^\t+/, '') : raw;
      if (text === heredoc.name) break;
      body.push(`${text}\n`);
    }
    line.heredocs.push({ ...heredoc, content: body.join('') });
  }
  return index;
}
