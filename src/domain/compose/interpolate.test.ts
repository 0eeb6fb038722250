import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { interpolate } from './interpolate.ts';

const variables: Record<string, string> = { SET: 'value', EMPTY: '', N: 'SET' };
const lookup = (name: string): string | undefined => variables[name];
const textOf = (text: string): string => interpolate(text, lookup).text;

test('every operator gives what the specification says', () => {
  const cases: [string, string][] = [
    ['$SET ${SET}', 'value value'],
    ['${SET:-d}${SET-d}', 'valuevalue'],
    ['${EMPTY:-d}|${EMPTY-d}', 'd|'],
    ['${NONE:-d}|${NONE-d}', 'd|d'],
    ['${SET:+a}|${SET+a}', 'a|a'],
    ['${EMPTY:+a}|${EMPTY+a}', '|a'],
    ['${NONE:+a}|${NONE+a}', '|'],
    ['${SET:?e}${SET?e}${EMPTY?e}', 'valuevalue'],
    ['${NONE:-${EMPTY:-${SET}}}', 'value'],
    ['${NONE:-a:b-c?d}', 'a:b-c?d'],
    ['$$SET $${SET}', '$SET ${SET}'],
    ['a$SET-b', 'avalue-b'],
  ];
  for (const [text, expected] of cases) assert.equal(textOf(text), expected, text);
});

test('a missing variable is told, but not where its part is not used', () => {
  assert.deepEqual(interpolate('$NONE ${ALSO}', lookup).missing, ['NONE', 'ALSO']);
  assert.deepEqual(interpolate('${SET:-$NONE} ${NONE:+$ALSO}', lookup).missing, []);
});

test('a required variable fails with its words', () => {
  const { errors } = interpolate('${NONE:?set it in ${SET}}', lookup);
  assert.deepEqual(errors, [
    { code: 'interpolation-required', message: 'required variable NONE is missing a value: set it in value' },
  ]);
  assert.equal(interpolate('${EMPTY:?}', lookup).errors.length, 1);
});

test('a brace that is no variable is refused; a dollar before anything else is one', () => {
  for (const plain of ['$', '$1', 'a $ b']) assert.equal(textOf(plain), plain);
  for (const bad of ['${', '${SET', '${}', '${SET!x}', '${SET:-x'])
    assert.equal(interpolate(bad, lookup).errors[0]?.code, 'interpolation-invalid', bad);
});

test('a text with its dollars doubled comes back as it was', () => {
  fc.assert(fc.property(fc.string(), (text) => textOf(text.replaceAll('$', '$$$$')) === text));
});
