import { positionAt, type LogicalLine } from './lines.ts';
import { suggestion } from './suggestion.ts';
import { mistake, type Marking, type Position, type Source } from './source.ts';
import { parseExecForm, readFlagWords } from './words.ts';
import type { BerthError } from '#base/errors.ts';

/** A logical line taken apart into keyword, flags and the rest: what each instruction's reader gets. */
export interface Statement {
  source: Source;
  line: LogicalLine;
  escape: string;
  /** In capitals. */
  keyword: string;
  /** In the line. */
  keywordOffset: number;
  flags: Flag[];
  /** Without white space around it; it begins at `offset` of the line. */
  rest: string;
  offset: number;
}

export interface Flag {
  name: string;
  /** Undefined for a flag without `=`. */
  value?: string;
  at: Position;
  length: number;
}

/** Takes the line apart from `start` on; ONBUILD gives the start of its trigger. */
export function statementOf(source: Source, line: LogicalLine, escape: string, start = 0): Statement {
  const match = /^(\s*)([^\t\v\f\r ]+)[\t\v\f\r ]*/.exec(line.text.slice(start));
  const keyword = (match?.[2] ?? '').trimEnd().toUpperCase();
  const keywordOffset = start + (match?.[1]?.length ?? 0);
  const behind = start + (match?.[0].length ?? 0);
  const { flags, end } = readFlagWords(line.text.slice(behind), escape);
  const left = line.text.slice(behind + end);
  const rest = left.trim();
  return {
    ...{ source, line, escape, keyword, keywordOffset },
    flags: flags.map(({ text, raw, offset }) => flagOf(text, raw, positionAt(line, behind + offset))),
    rest,
    offset: behind + end + left.length - left.trimStart().length,
  };
}

function flagOf(text: string, raw: string, at: Position): Flag {
  const equals = text.indexOf('=');
  if (equals < 0) return { name: text.slice(2), at, length: raw.length };
  return { name: text.slice(2, equals), value: text.slice(equals + 1), at, length: raw.length };
}

/** The mistake at an offset of the rest; without one at the keyword. */
export function wrong(
  statement: Statement,
  message: string,
  place: { offset?: number; length?: number; hint?: string } = {},
): BerthError {
  const keywordAt = positionAt(statement.line, statement.keywordOffset);
  const at =
    place.offset === undefined ? keywordAt : positionAt(statement.line, statement.offset + place.offset);
  const marking: Marking = {
    length: place.length ?? (place.offset === undefined ? statement.keyword.length : 1),
  };
  if (place.hint !== undefined) marking.hint = place.hint;
  return mistake(statement.source, at, message, marking);
}

/**
 * The flags by name, all of them known, each once unless it may be repeated.
 * @throws invalid `dockerfile-invalid`
 */
export function readFlags(
  statement: Statement,
  known: string[],
  repeatable: string[] = [],
): Map<string, Flag[]> {
  const found = new Map<string, Flag[]>();
  for (const flag of statement.flags) {
    if (!known.includes(flag.name)) throw unknownFlag(statement, flag, known);
    const before = found.get(flag.name) ?? [];
    if (before.length > 0 && !repeatable.includes(flag.name))
      throw mistake(statement.source, flag.at, `duplicate flag specified: --${flag.name}`, {
        length: flag.length,
      });
    found.set(flag.name, [...before, flag]);
  }
  return found;
}

function unknownFlag(statement: Statement, flag: Flag, known: string[]): BerthError {
  const hint =
    suggestion(flag.name, known)?.replace("'", "'--") ??
    (known.length === 0
      ? `${statement.keyword} takes no flags`
      : `${statement.keyword} knows ${known.map((name) => `--${name}`).join(', ')}`);
  return mistake(statement.source, flag.at, `unknown flag: --${flag.name}`, { length: flag.length, hint });
}

/** The value of a flag that takes one. @throws invalid `dockerfile-invalid` when it has none */
export function flagValue(
  statement: Statement,
  flags: Map<string, Flag[]>,
  name: string,
): string | undefined {
  const flag = flags.get(name)?.[0];
  if (flag === undefined) return undefined;
  // An empty value is as none at all.
  if (flag.value !== undefined) return flag.value === '' ? undefined : flag.value;
  throw mistake(statement.source, flag.at, `missing a value on flag: --${name}`, { length: flag.length });
}

/** A flag such as `--link`, `--link=false`. */
export function flagIsOn(statement: Statement, flags: Map<string, Flag[]>, name: string): boolean {
  const flag = flags.get(name)?.[0];
  if (flag === undefined) return false;
  const place = { length: flag.length };
  switch (flag.value?.toLowerCase()) {
    case undefined:
    case 'true':
      return true;
    case 'false':
      return false;
    case '':
      throw mistake(statement.source, flag.at, `missing a value on flag: --${name}`, place);
    default: {
      const message = `expecting boolean value for flag --${name}, not: ${flag.value ?? ''}`;
      throw mistake(statement.source, flag.at, message, place);
    }
  }
}

/** The words of the exec form, undefined when the text has another form. @throws invalid `dockerfile-invalid` */
export function execArgs(statement: Statement, text = statement.rest): string[] | undefined {
  const form = parseExecForm(text);
  if (form.kind === 'others')
    throw wrong(statement, 'when using JSON array syntax, arrays must be comprised of strings only', {
      offset: statement.rest.length - text.length,
      length: text.length,
      hint: 'put every word into double quotes',
    });
  return form.kind === 'strings' ? form.items : undefined;
}
