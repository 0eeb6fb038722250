import assert from 'node:assert/strict';
import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { messageOf } from '#base/errors.ts';
import { composeError, formatProblem } from '#domain/compose/problem.ts';
import { readProject } from '../support/compose.ts';

// One folder for each case: the files of a project, and what becomes of them: `expected.json` (the model and the
// notices), or `expected.txt` (the error as a person reads it). The project is always said to lie in /project.

const root = join(import.meta.dirname, 'compose');
const parse: (text: string) => Record<string, string> = JSON.parse;

function textIn(folder: string, name: string): string | undefined {
  const path = join(root, folder, name);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** The texts of all files of a case by their path in it. */
function textsOf(folder: string): Record<string, string> {
  const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  const paths = entries.filter((one) => one.isFile()).map((one) => relative(join(root, folder), join(one.parentPath, one.name)));
  return Object.fromEntries(paths.map((path) => [path, textIn(folder, path) ?? '']));
}

function outcome(folder: string): { file: 'expected.json' | 'expected.txt'; text: string } {
  const texts = textsOf(folder);
  const files = ['compose.yaml', 'compose.override.yaml'].filter((name) => Object.hasOwn(texts, name));
  const environment = parse(texts['environment.json'] ?? '{}');
  const { model, problems, sources } = readProject(texts, { files, environment });
  if (model === undefined) return { file: 'expected.txt', text: `${messageOf(composeError(problems, sources))}\n` };
  const notices = problems.map((one) => `${one.severity} ${formatProblem(one, new Map())}`);
  return { file: 'expected.json', text: `${JSON.stringify({ notices, model }, null, 2)}\n` };
}

for (const folder of readdirSync(root))
  test(`compose: ${folder}`, () => {
    const { file, text } = outcome(folder);
    assert.equal(text, textIn(folder, file));
  });
