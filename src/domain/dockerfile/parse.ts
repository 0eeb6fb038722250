import { readDirectives, type Directives } from './directives.ts';
import type { Args, From, Instruction, Written } from './instruction.ts';
import { logicalLines, positionAt, type LogicalLine } from './lines.ts';
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
import { statementOf, wrong, type Statement } from './statement.ts';
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
  ENTRYPOINT: (statement, written) => ({ name: 'ENTRYPOINT', command: readCommand(statement), ...written }),
  CMD: (statement, written) => ({ name: 'CMD', command: readCommand(statement), ...written }),
  HEALTHCHECK: readHealthcheck,
  SHELL: readShell,
  ONBUILD: readOnbuild,
};

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
  for (const line of logicalLines(source, directives.escape, lines)) addLine(file, line);
  if (file.stages.length === 0) throw nothingIn(file, text);
  return file;
}

function nothingIn(file: Dockerfile, text: string): Error {
  const { name } = file.source;
  if (text.trim() === '') return invalid('dockerfile-invalid', `the Dockerfile (${name}) cannot be empty`);
  return invalid('dockerfile-invalid', `${name}: file with no instructions: required is at least a FROM`);
}

function addLine(file: Dockerfile, line: LogicalLine): void {
  const statement = statementOf(file.source, line, file.directives.escape);
  const written: Written = { at: positionAt(line, 0), text: line.text.trim() };
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

function addStage(file: Dockerfile, statement: Statement, written: Written): void {
  const from = readFrom(statement);
  const taken = from.as !== undefined && file.stages.some((stage) => stage.from.as === from.as);
  if (taken) throw wrong(statement, `duplicate name ${from.as ?? ''}: another stage has it`);
  file.stages.push({ index: file.stages.length, from: { ...from, ...written }, instructions: [] });
}

function isKeyword(word: string): word is Instruction['name'] {
  return Object.hasOwn(readers, word);
}

function readInstruction(statement: Statement, written: Written): Instruction {
  const { keyword } = statement;
  if (isKeyword(keyword)) return readers[keyword](statement, written);
  const { line, keywordOffset } = statement;
  const shown = line.text.slice(keywordOffset, keywordOffset + keyword.length);
  const hint = suggestion(keyword, keywords) ?? `an instruction is one of ${keywords.join(', ')}`;
  throw wrong(statement, `unknown instruction: ${shown}`, { hint });
}

// The trigger is kept as text, for the image's config, but it must be right now.
function readOnbuild(statement: Statement, written: Written): Instruction {
  if (statement.rest === '') throw wrong(statement, 'ONBUILD requires at least one argument');
  const inner = statementOf(statement.source, statement.line, statement.escape, statement.offset);
  if (inner.keyword === 'ONBUILD')
    throw wrong(statement, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (inner.keyword === 'FROM' || inner.keyword === 'MAINTAINER')
    throw wrong(statement, `${inner.keyword} isn't allowed as an ONBUILD trigger`);
  readInstruction(inner, written);
  const heredocs = statement.line.heredocs.map((heredoc) => `\n${heredoc.content}${heredoc.name}`).join('');
  return { name: 'ONBUILD', trigger: statement.rest + heredocs, ...written };
}

/** The instruction that an image's ONBUILD holds. @throws invalid `dockerfile-invalid` */
export function parseTrigger(trigger: string, name: string): Instruction {
  const source = sourceOf(name, trigger);
  const [line] = logicalLines(source, '\\', 0);
  if (line === undefined)
    throw mistake(source, { line: 1, column: 1 }, 'ONBUILD requires at least one argument');
  return readInstruction(statementOf(source, line, '\\'), {
    at: positionAt(line, 0),
    text: line.text.trim(),
  });
}
