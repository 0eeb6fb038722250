import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BerthError } from '#base/errors.ts';
import { parseDockerfile } from '#domain/dockerfile/parse.ts';

// One folder for each case: `Dockerfile`, and what comes of it in `expected.json` or `expected-error.txt`.

const parse: (text: string) => unknown = JSON.parse;

for (const entry of readdirSync(import.meta.dirname, { withFileTypes: true })) {
  if (!entry.isDirectory()) continue;
  const read = (name: string): string => readFileSync(join(import.meta.dirname, entry.name, name), 'utf8');
  const isBad = existsSync(join(import.meta.dirname, entry.name, 'expected-error.txt'));
  test(`${entry.name} ${isBad ? 'is refused in these words' : 'is read as expected'}`, () => {
    if (isBad) assert.equal(refusal(read('Dockerfile')), read('expected-error.txt').trimEnd());
    else assert.deepEqual(plain(read('Dockerfile')), parse(read('expected.json')));
  });
}

function plain(text: string): unknown {
  const { directives, globals, stages } = parseDockerfile(text);
  return parse(JSON.stringify({ directives, globals, stages }));
}

function refusal(text: string): string {
  try {
    parseDockerfile(text);
  } catch (error) {
    assert.ok(error instanceof BerthError && error.code === 'dockerfile-invalid', String(error));
    return error.message;
  }
  assert.fail('it was accepted');
}
