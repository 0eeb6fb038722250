import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDotenv } from './dotenv.ts';

const outer: Record<string, string> = { OUT: 'side' };
const read = (text: string, raw = false): ReturnType<typeof readDotenv> =>
  readDotenv('.env', text, (name) => outer[name], raw);
const values = (text: string, raw = false): Record<string, string> =>
  Object.fromEntries(read(text, raw).values);

test('names, quotes, comments and export are read as Compose reads them', () => {
  const text = [
    '\uFEFF# a comment',
    'A=1',
    'export B = two words  # comment',
    'C: yaml',
    "D='single $A # kept'",
    'E="double $A\\n\\"q\\" \\$A" # comment',
    'F=',
    'G=a#b',
    'H=$A-${OUT}-${NONE:-d}',
    'OUT',
    'NONE',
    '',
  ].join('\r\n');
  assert.deepEqual(values(text), {
    A: '1',
    B: 'two words',
    C: 'yaml',
    D: 'single $A # kept',
    E: 'double 1\n"q" $A',
    F: '',
    G: 'a#b',
    H: '1-side-d',
    OUT: 'side',
  });
});

test('quoted values go over several lines', () => {
  assert.deepEqual(values('KEY="-----BEGIN\nline\n-----END"\nNEXT=\'a\nb\'\nLAST=x'), {
    KEY: '-----BEGIN\nline\n-----END',
    NEXT: 'a\nb',
    LAST: 'x',
  });
});

test('raw takes everything as it stands', () => {
  assert.deepEqual(values('A="q" # $B\nOUT\n', true), { A: '"q" # $B', OUT: 'side' });
});

test('what is no assignment is told with its line', () => {
  const { problems } = read('A=1\nnot an assignment\nB="open\n');
  assert.deepEqual(
    problems.map(({ code, at }) => [code, at.line]),
    [
      ['env-file-invalid', 2],
      ['env-file-invalid', 3],
    ],
  );
});
