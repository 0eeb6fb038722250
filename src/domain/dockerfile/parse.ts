import { readDirectives, type Directives } from './directives.ts';
import type { Args, From, Instruction, Written } from './instruction.ts';
import { logicalLines, positionAt, type Joining, type LogicalLine } from './lines.ts';
import { suggestion } from './suggestion.ts';
import { readCopy, readRun } from './read-files.ts';
import { readHealthcheck } from './read-healthcheck.ts';
import {
  readArgs,
  readCommand,
  readExpose,
  readFrom,
  readPairs,
  readShell,
  readValue,
  readVolume,
} from './read-simple.ts';
import { mistake, sourceOf, type Source } from './source.ts';
import { readFlags, statementOf, wrong, type Statement } from './statement.ts';
import { parseExecForm } from './words.ts';
import { invalid } from '#base/errors.ts';

export interface Stage {
  index: number;
  from: From & Written;
  instructions: Instruction[];
}

export interface Dockerfile {
  source: Source;
  directives: Directives;
  /** The ARGs before the first FROM. */
  globals: Args[];
  stages: Stage[];
}

type Reader = (statement: Statement, written: Written) => Instruction;

const readers: Record<Instruction['name'], Reader> = {
  RUN: readRun,
  COPY: (statement, written) => readCopy(statement, 'COPY', written),
  ADD: (statement, written) => readCopy(statement, 'ADD', written),
  ENV: (statement, written) => readPairs(statement, 'ENV', written),
  LABEL: (statement, written) => readPairs(statement, 'LABEL', written),
  ARG: readArgs,
  WORKDIR: (statement, written) => readValue(statement, 'WORKDIR', written),
  USER: (statement, written) => readValue(statement, 'USER', written),
  STOPSIGNAL: (statement, written) => readValue(statement, 'STOPSIGNAL', written),
  MAINTAINER: (statement, written) => readValue(statement, 'MAINTAINER', written),
  EXPOSE: readExpose,
  VOLUME: readVolume,
  ENTRYPOINT: (statement, written) => commandOf(statement, 'ENTRYPOINT', written),
  CMD: (statement, written) => commandOf(statement, 'CMD', written),
  HEALTHCHECK: readHealthcheck,
  SHELL: readShell,
  ONBUILD: readOnbuild,
};

function commandOf(statement: Statement, name: 'CMD' | 'ENTRYPOINT', written: Written): Instruction {
  readFlags(statement, []);
  // Without a command it is the shell with nothing to do.
  if (statement.rest === '') return { name, command: { form: 'shell', text: '' }, ...written };
  return { name, command: readCommand(statement), ...written };
}

/** All keywords, for messages and completion. */
export const keywords = ['FROM', ...Object.keys(readers)];

/**
 * Reads a Dockerfile (the reference at docs.docker.com/reference/dockerfile). `name` is what errors call it.
 * @throws invalid `dockerfile-invalid` with file, line, the source line and a caret
 */
export function parseDockerfile(text: string, name = 'Dockerfile'): Dockerfile {
  const source = sourceOf(name, text);
  const { directives, lines } = readDirectives(source);
  const file: Dockerfile = { source, directives, globals: [], stages: [] };
  for (const line of logicalLines(source, joiningOf(source, directives.escape, lines))) addLine(file, line);
  if (file.stages.length === 0) throw nothingIn(file, text);
  return file;
}

function joiningOf(source: Source, escape: string, first: number): Joining {
  return { escape, first, takesHeredocs: (line) => takesHeredocs(statementOf(source, line, escape)) };
}

function takesHeredocs(statement: Statement): boolean {
  if (statement.keyword === 'ONBUILD') return takesHeredocs(triggerOf(statement));
  return ['RUN', 'COPY', 'ADD'].includes(statement.keyword) && parseExecForm(statement.rest).kind === 'none';
}

function triggerOf({ source, line, escape, offset }: Statement): Statement {
  return statementOf(source, line, escape, offset);
}

function nothingIn(file: Dockerfile, text: string): Error {
  const { name } = file.source;
  if (text.trim() === '') return invalid('dockerfile-invalid', `the Dockerfile (${name}) cannot be empty`);
  return invalid('dockerfile-invalid', `failed to parse ${name}: file with no instructions`, {
    hint: 'required is at least a FROM',
  });
}

function addLine(file: Dockerfile, line: LogicalLine): void {
  const statement = statementOf(file.source, line, file.directives.escape);
  const written = writtenOf(line);
  if (statement.keyword === 'FROM') {
    addStage(file, statement, written);
    return;
  }
  const instruction = readInstruction(statement, written);
  const stage = file.stages.at(-1);
  if (stage !== undefined) stage.instructions.push(instruction);
  else if (instruction.name === 'ARG') file.globals.push(instruction);
  else
    throw wrong(statement, 'no build stage in current context', {
      hint: 'only ARG may stand before the first FROM',
    });
}

function writtenOf(line: LogicalLine): Written {
  const at = line.pieces[0]?.at ?? positionAt(line, 0);
  return {
    ...{ at, text: line.text.trim() },
    ...(line.endLine === at.line ? {} : { endLine: line.endLine }),
    ...(line.comments.length === 0 ? {} : { comments: line.comments }),
    ...(line.emptyContinuation === undefined ? {} : { emptyContinuation: line.emptyContinuation }),
  };
}

function addStage(file: Dockerfile, statement: Statement, written: Written): void {
  const from = readFrom(statement);
  file.stages.push({ index: file.stages.length, from: { ...from, ...written }, instructions: [] });
}

function isKeyword(word: string): word is Instruction['name'] {
  return Object.hasOwn(readers, word);
}

function readInstruction(statement: Statement, written: Written): Instruction {
  const { keyword } = statement;
  if (isKeyword(keyword)) return readers[keyword](statement, written);
  const hint = suggestion(keyword, keywords) ?? `an instruction is one of ${keywords.join(', ')}`;
  throw wrong(statement, `unknown instruction: ${keywordShown(statement)}`, { hint });
}

// The trigger is kept as text, for the image's config, but it must be right now.
function readOnbuild(statement: Statement, written: Written): Instruction {
  if (statement.rest === '') throw wrong(statement, 'ONBUILD requires at least one argument');
  readFlags(statement, []);
  const inner = triggerOf(statement);
  if (inner.keyword === 'ONBUILD')
    throw wrong(statement, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (inner.keyword === 'FROM' || inner.keyword === 'MAINTAINER')
    throw wrong(statement, `${inner.keyword} isn't allowed as an ONBUILD trigger`);
  readInstruction(inner, written);
  return { name: 'ONBUILD', trigger: statement.rest + statement.line.attached, ...written };
}

/**
 * Instructions without a FROM, one or more in each text. `file` is what their mistakes point into.
 * @param accepted their keywords
 * @throws invalid `dockerfile-invalid`; `change-invalid` for others and for none
 */
export function parseChanges(
  texts: readonly string[],
  accepted: ReadonlySet<string>,
): { file: Dockerfile; instructions: Instruction[] } {
  const source = sourceOf('--change', texts.join('\n'));
  const { directives, lines } = readDirectives(source);
  const instructions = logicalLines(source, joiningOf(source, directives.escape, lines)).map((line) => {
    const statement = statementOf(source, line, directives.escape);
    if (accepted.has(statement.keyword)) return readInstruction(statement, writtenOf(line));
    throw invalid('change-invalid', `${keywordShown(statement)} is not a valid change command`);
  });
  if (instructions.length === 0) throw invalid('change-invalid', 'file with no instructions');
  return { file: { source, directives, globals: [], stages: [] }, instructions };
}

/** As it is written. */
function keywordShown({ line, keyword, keywordOffset }: Statement): string {
  return line.text.slice(keywordOffset, keywordOffset + keyword.length);
}

/** The instruction that an image's ONBUILD holds. @throws invalid `dockerfile-invalid` */
export function parseTrigger(trigger: string, name: string): Instruction {
  const source = sourceOf(name, trigger);
  const [line] = logicalLines(source, joiningOf(source, '\\', 0));
  if (line === undefined)
    throw mistake(source, { line: 1, column: 1 }, 'ONBUILD requires at least one argument');
  return readInstruction(statementOf(source, line, '\\'), writtenOf(line));
}
