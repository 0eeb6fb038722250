import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expandWord, expandWords, type Expansion } from './expand.ts';

const values: Record<string, string> = { x: 'value', empty: '', path: '/a/b/b.tar.gz', words: 'one  two' };
const expansion: Expansion = { escape: '\\', lookup: (name) => values[name] };
const expand = (word: string): string => expandWord(word, expansion);

test('each modifier does what the shell does', () => {
  const cases: Record<string, string> = {
    $x: 'value',
    '${x}': 'value',
    '$x.${x}-$nope|': 'value.value-|',
    '${nope:-d}': 'd',
    '${empty:-d}': 'd',
    '${empty-d}': '',
    '${nope-d}': 'd',
    '${x:+a}': 'a',
    '${empty:+a}': '',
    '${empty+a}': 'a',
    '${nope+a}': '',
    '${x:?no}': 'value',
    '${nope:-${x}}': 'value',
    '${path#*/}': 'a/b/b.tar.gz',
    '${path##*/}': 'b.tar.gz',
    '${path%.*}': '/a/b/b.tar',
    '${path%%.*}': '/a/b/b',
    '${path/b/c}': '/a/c/b.tar.gz',
    '${path//b/c}': '/a/c/c.tar.gz',
    '${path//\\//_}': '_a_b_b.tar.gz',
    '${x#\\*}': 'value',
    $: '$',
    a$: 'a$',
  };
  for (const [word, expected] of Object.entries(cases)) assert.equal(expand(word), expected, word);
});

test('quotes go, and single quotes and escapes keep variables from being expanded', () => {
  const cases: Record<string, string> = {
    "'$x'": '$x',
    '"$x"': 'value',
    '\\$x': '$x',
    '"\\$x \\" \\n"': '$x " \\n',
    '\\a': 'a',
    'a\' b\'"c"': 'a bc',
    'ends\\': 'ends',
  };
  for (const [word, expected] of Object.entries(cases)) assert.equal(expand(word), expected, word);
});

test('a variable gives several words only outside quotes', () => {
  assert.deepEqual(expandWords('$words', expansion), ['one', 'two']);
  assert.deepEqual(expandWords('a$words', expansion), ['aone', 'two']);
  assert.deepEqual(expandWords('"$words"', expansion), ['one  two']);
  assert.deepEqual(expandWords('$nope', expansion), []);
});

test('what cannot be expanded is said in words', () => {
  const cases: Record<string, RegExp> = {
    '${x': /missing '}'/,
    '${nope:?is needed}': /nope: is needed/,
    '${nope?}': /nope: is not allowed to be unset/,
    '${x#\\a}': /invalid escape/,
    '${empty:?}': /empty: is not allowed to be empty/,
    '${}': /bad substitution/,
    '${x:z}': /unsupported modifier \(:z\)/,
    "'open": /single-quote/,
    '"open': /double-quote/,
  };
  for (const [word, expected] of Object.entries(cases)) assert.throws(() => expand(word), expected, word);
});
