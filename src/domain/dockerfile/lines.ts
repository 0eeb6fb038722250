import { findHeredocs, withoutTabs, type Heredoc } from './heredoc.ts';
import { mistake, type Position, type Source } from './source.ts';

/** An instruction with its continuation lines joined and comments inside them left out. */
export interface LogicalLine {
  text: string;
  /** Where the text from `offset` on stands in the source, in order. */
  pieces: { offset: number; at: Position }[];
  heredocs: Heredoc[];
  /** What follows the text in the file: the here-documents with their ends, as they are written. */
  attached: string;
  /** The last source line that belongs to it. */
  endLine: number;
  /** Where the continuation ends that has an empty line in it. */
  emptyContinuation?: number;
  /** The comments before it, without their marks, back to an empty one. */
  comments: string[];
}

/** The place in the source of an offset in the joined text. */
export function positionAt(line: LogicalLine, offset: number): Position {
  let piece = line.pieces[0];
  for (const candidate of line.pieces) if (candidate.offset <= offset) piece = candidate;
  if (piece === undefined) return { line: line.endLine, column: 1 };
  return { line: piece.at.line, column: piece.at.column + offset - piece.offset };
}

export interface Joining {
  escape: string;
  /** The source line to begin with, from 0. */
  first: number;
  /** Whether an instruction may have here-documents. */
  takesHeredocs: (line: LogicalLine) => boolean;
}

/**
 * Joins the source's lines into logical lines, here-documents taken in.
 * @throws invalid `dockerfile-invalid` for a here-document without its end
 */
export function logicalLines(source: Source, joining: Joining): LogicalLine[] {
  const found: LogicalLine[] = [];
  let comments: string[] = [];
  let next = joining.first;
  while (next < source.lines.length) {
    const raw = source.lines[next] ?? '';
    if (isComment(raw)) {
      const comment = raw.slice(1).trim();
      comments = comment === '' ? [] : [...comments, comment];
      next++;
      continue;
    }
    if (raw.trim() === '') {
      next++;
      continue;
    }
    const line = joinLine(source, joining.escape, next);
    next = line.endLine;
    line.comments = comments;
    comments = [];
    if (joining.takesHeredocs(line)) line.endLine = next = takeHeredocs(source, line, next);
    found.push(line);
  }
  return found;
}

function isComment(raw: string): boolean {
  return /^\s*#/.test(raw);
}

function joinLine(source: Source, escape: string, start: number): LogicalLine {
  const joined: LogicalLine = {
    ...{ text: '', pieces: [], heredocs: [], attached: '', endLine: start },
    comments: [],
  };
  let hasEmptyLine = false;
  for (let index = start; index < source.lines.length; index++) {
    const raw = source.lines[index] ?? '';
    const isFirst = index === start;
    joined.endLine = index + 1;
    if (!isFirst && isComment(raw)) continue;
    if (!isFirst && raw.trim() === '') {
      // The end of the file is no line.
      if (index < source.lines.length - 1) hasEmptyLine = true;
      else joined.endLine = index;
      continue;
    }
    const indent = isFirst ? raw.length - raw.trimStart().length : 0;
    const { text, continues } = cutContinuation(raw.slice(indent), escape);
    joined.pieces.push({ offset: joined.text.length, at: { line: index + 1, column: indent + 1 } });
    joined.text += text;
    if (!continues) break;
  }
  return hasEmptyLine ? { ...joined, emptyContinuation: joined.endLine } : joined;
}

// An escape character at the end continues the line; white space may follow it, a doubled one does not count.
function cutContinuation(text: string, escape: string): { text: string; continues: boolean } {
  const trimmed = text.replace(/[ \t]+$/, '');
  if (!trimmed.endsWith(escape)) return { text, continues: false };
  const before = trimmed.slice(0, -1);
  if (before.endsWith(escape)) return { text, continues: false };
  return { text: before, continues: true };
}

function takeHeredocs(source: Source, line: LogicalLine, next: number): number {
  let index = next;
  for (const { offset, heredoc } of findHeredocs(line.text)) {
    let content = '';
    for (;;) {
      const raw = source.lines[index];
      if (raw === undefined || (raw === '' && index === source.lines.length - 1))
        throw mistake(source, positionAt(line, offset), `unterminated heredoc '${heredoc.name}'`, {
          hint: `write a line '${heredoc.name}' after its text`,
        });
      const end = source.ends?.[index] ?? '\n';
      index++;
      if ((heredoc.chomp ? raw.replace(/^\t+/, '') : raw) === heredoc.name) break;
      content += raw + end;
    }
    line.heredocs.push({ ...heredoc, content: heredoc.chomp ? withoutTabs(content) : content });
    line.attached += `\n${content}${heredoc.name}`;
  }
  return index;
}
