import type { Command, From, Instruction, Written } from './instruction.ts';
import { execArgs, flagValue, readFlags, wrong, type Statement } from './statement.ts';
import { splitPlain, splitWords, type Word } from './words.ts';

// Readers of the instructions whose arguments are words, pairs or one command.

/** @throws invalid `dockerfile-invalid` */
export function readFrom(statement: Statement): From {
  const flags = readFlags(statement, ['platform']);
  const words = splitPlain(statement.rest);
  const [image, as, stage] = words;
  const named = words.length === 3 && as?.text.toLowerCase() === 'as';
  if (image === undefined || (words.length !== 1 && !named))
    throw wrong(statement, 'FROM requires either one or three arguments', {
      hint: 'write FROM IMAGE, or FROM IMAGE AS NAME',
    });
  const platform = flagValue(statement, flags, 'platform');
  return {
    name: 'FROM',
    image: image.text,
    ...(stage === undefined ? {} : { as: stageName(statement, stage) }),
    ...(platform === undefined ? {} : { platform }),
  };
}

function stageName(statement: Statement, word: Word): string {
  const name = word.text.toLowerCase();
  if (/^[a-z][a-z0-9-_.]*$/.test(name)) return name;
  throw wrong(
    statement,
    `invalid name for build stage: "${word.text}", name can't start with a number or contain symbols`,
    { offset: word.offset, length: word.text.length },
  );
}

/** ENV and LABEL: `NAME=VALUE ...`, or the old form `NAME VALUE`. @throws invalid `dockerfile-invalid` */
export function readPairs(statement: Statement, name: 'ENV' | 'LABEL', written: Written): Instruction {
  const words = splitWords(statement.rest, statement.escape);
  const [first] = words;
  if (first === undefined) throw wrong(statement, `${name} requires at least one argument`);
  readFlags(statement, []);
  if (!first.text.includes('=')) return { name, pairs: [oldPair(statement, name)], legacy: true, ...written };
  return { name, pairs: words.map((word) => pairOf(statement, name, word)), ...written };
}

function oldPair(statement: Statement, name: string): { name: string; value: string } {
  const [, key = '', value] = /^([^\t\v\f\r ]+)[\t\v\f\r ]+([^]*)$/.exec(statement.rest) ?? [];
  if (value !== undefined) return { name: key, value };
  throw wrong(statement, `${name} must have two arguments`, {
    offset: 0,
    length: statement.rest.length,
    hint: `write ${name} ${statement.rest}=VALUE`,
  });
}

function pairOf(statement: Statement, instruction: string, word: Word): { name: string; value: string } {
  const equals = word.text.indexOf('=');
  const place = { offset: word.offset, length: word.text.length };
  if (equals < 0)
    throw wrong(
      statement,
      `Syntax error - can't find = in "${word.text}". Must be of the form: name=value`,
      place,
    );
  if (equals === 0) throw wrong(statement, `${instruction} names can not be blank`, place);
  return { name: word.text.slice(0, equals), value: word.text.slice(equals + 1) };
}

/** @throws invalid `dockerfile-invalid` */
export function readArgs(statement: Statement, written: Written): Instruction {
  readFlags(statement, []);
  const words = splitWords(statement.rest, statement.escape);
  if (words.length === 0) throw wrong(statement, 'ARG requires at least one argument');
  const args = words.map((word) => {
    if (word.text.includes('=')) return pairOf(statement, 'ARG', word);
    return { name: word.text };
  });
  return { name: 'ARG', args, ...written };
}

/** WORKDIR, USER ...: the whole rest is the one argument. @throws invalid `dockerfile-invalid` */
export function readValue(
  statement: Statement,
  name: 'WORKDIR' | 'USER' | 'STOPSIGNAL' | 'MAINTAINER',
  written: Written,
): Instruction {
  readFlags(statement, []);
  if (statement.rest === '') throw wrong(statement, `${name} requires exactly one argument`);
  return { name, value: statement.rest, ...written };
}

/** @throws invalid `dockerfile-invalid` */
export function readExpose(statement: Statement, written: Written): Instruction {
  readFlags(statement, []);
  const values = splitPlain(statement.rest).map((word) => word.text);
  if (values.length === 0) throw wrong(statement, 'EXPOSE requires at least one argument');
  return { name: 'EXPOSE', values, ...written };
}

/** @throws invalid `dockerfile-invalid` */
export function readVolume(statement: Statement, written: Written): Instruction {
  readFlags(statement, []);
  const values = execArgs(statement) ?? splitPlain(statement.rest).map((word) => word.text);
  if (values.length === 0) throw wrong(statement, 'VOLUME requires at least one argument');
  if (values.some((value) => value.trim() === ''))
    throw wrong(statement, 'VOLUME specified can not be an empty string');
  return { name: 'VOLUME', values: values.map((value) => value.trim()), ...written };
}

/** @throws invalid `dockerfile-invalid` */
export function readShell(statement: Statement, written: Written): Instruction {
  readFlags(statement, []);
  const args = execArgs(statement);
  if (args === undefined && statement.rest !== '')
    throw wrong(statement, 'SHELL requires the arguments to be in JSON form', {
      hint: 'write SHELL ["EXECUTABLE", "ARGUMENT"]',
    });
  if (args === undefined || args.length === 0) throw wrong(statement, 'SHELL requires at least one argument');
  return { name: 'SHELL', args, ...written };
}

/** Exec or shell form. @throws invalid `dockerfile-invalid` when there is nothing */
export function readCommand(statement: Statement, text = statement.rest): Command {
  const args = execArgs(statement, text);
  if (args !== undefined) return { form: 'exec', args };
  if (text === '') throw wrong(statement, `${statement.keyword} requires at least one argument`);
  return { form: 'shell', text };
}
