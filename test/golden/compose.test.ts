import assert from 'node:assert/strict';
import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { messageOf } from '#base/errors.ts';
import { readCompose, type ComposeInput } from '#domain/compose/compose.ts';
import { composeError, formatProblem } from '#domain/compose/problem.ts';
import { schemaCheck } from '#domain/compose/schema-problems.ts';

// One folder for each case: the files of a project, and what becomes of them: `expected.json` (the model and the
// notices), or `expected.txt` (the error as a person reads it). The project is always said to lie in /project.

const root = join(import.meta.dirname, 'compose');
const check = schemaCheck();
const parse: (text: string) => Record<string, string> = JSON.parse;

function textIn(folder: string, name: string): string | undefined {
  const path = join(root, folder, name);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function outcome(folder: string): { file: 'expected.json' | 'expected.txt'; text: string } {
  const files = ['compose.yaml', 'compose.override.yaml'].flatMap((name) => {
    const text = textIn(folder, name);
    return text === undefined ? [] : [{ name, text }];
  });
  const dotenv = textIn(folder, '.env');
  const input: ComposeInput = { folder: '/project', files, environment: parse(textIn(folder, 'environment.json') ?? '{}') };
  const draft = readCompose(dotenv === undefined ? input : { ...input, dotenv: { name: '.env', text: dotenv } }, check);
  const texts = draft.wanted.flatMap(({ path }) => {
    const text = textIn(folder, path.replace('/project/', ''));
    return text === undefined ? [] : [[path, text] as const];
  });
  const { model, problems, sources } = draft.finish(new Map(texts));
  if (model === undefined) return { file: 'expected.txt', text: `${messageOf(composeError(problems, sources))}\n` };
  const notices = problems.map((one) => `${one.severity} ${formatProblem(one, new Map())}`);
  return { file: 'expected.json', text: `${JSON.stringify({ notices, model }, null, 2)}\n` };
}

for (const folder of readdirSync(root))
  test(`compose: ${folder}`, () => {
    const { file, text } = outcome(folder);
    assert.equal(text, textIn(folder, file));
  });
