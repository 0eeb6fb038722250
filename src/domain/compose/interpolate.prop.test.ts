import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { interpolate } from './interpolate.ts';

type Part =
  | { kind: 'text'; text: string }
  | { kind: 'variable'; name: string; braces: boolean }
  | { kind: 'operator'; name: string; operator: string; word: Part[] };

const variables: Record<string, string | undefined> = { SET: 'value', EMPTY: '', OTHER: 'a$b' };
const name = fc.constantFrom('SET', 'EMPTY', 'OTHER', 'UNSET', 'U_2');

const { parts } = fc.letrec<{ parts: Part[]; part: Part }>((tie) => ({
  parts: fc.array(tie('part'), { maxLength: 4, depthIdentifier: 'deep' }),
  part: fc.oneof(
    { depthSize: 'small', depthIdentifier: 'deep' },
    fc.record({
      kind: fc.constant('text' as const),
      text: fc.constantFrom('plain', ' ', '$', ':-', '?', 'ä{'),
    }),
    fc.record({ kind: fc.constant('variable' as const), name, braces: fc.boolean() }),
    fc.record({
      kind: fc.constant('operator' as const),
      name,
      operator: fc.constantFrom(':-', '-', ':+', '+'),
      word: tie('parts'),
    }),
  ),
}));

/** As a person writes it. */
function written(all: readonly Part[]): string {
  return all
    .map((part) => {
      if (part.kind === 'text') return part.text.replaceAll('$', '$$$$');
      if (part.kind === 'operator') return `\${${part.name}${part.operator}${written(part.word)}}`;
      return part.braces ? `\${${part.name}}` : `$${part.name}`;
    })
    .join('');
}

/** What a shell would make of it, said once more and slowly. */
function meaning(all: readonly Part[]): string {
  return all
    .map((part) => {
      if (part.kind === 'text') return part.text;
      const value = variables[part.name];
      if (part.kind === 'variable') return value ?? '';
      const isThere = part.operator.startsWith(':') ? (value ?? '') !== '' : value !== undefined;
      if (part.operator.endsWith('+')) return isThere ? meaning(part.word) : '';
      return isThere ? (value ?? '') : meaning(part.word);
    })
    .join('');
}

/** `$NAME` takes all letters that follow it. */
const isAmbiguous = (text: string): boolean => /\$(?:SET|EMPTY|OTHER|UNSET|U_2)[A-Za-z0-9_]/.test(text);

test('every operator means the same at any depth as it does alone', () => {
  fc.assert(
    fc.property(parts, (all) => {
      const text = written(all);
      fc.pre(!isAmbiguous(text));
      const result = interpolate(text, (variable) => variables[variable]);
      assert.deepEqual(result.errors, []);
      assert.equal(result.text, meaning(all));
    }),
    { numRuns: 2000 },
  );
});

test('any text with its dollars doubled stays as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'A', ':', '-', '?', ' ', 'ä') }), (text) => {
      const result = interpolate(text.replaceAll('$', '$$$$'), () => undefined);
      assert.deepEqual([result.text, result.errors, result.missing], [text, [], []]);
    }),
  );
});
