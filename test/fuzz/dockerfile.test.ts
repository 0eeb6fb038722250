import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BerthError } from '#base/errors.ts';
import { ExpansionError, expandWord } from '#domain/dockerfile/expand.ts';
import { keywords, parseDockerfile } from '#domain/dockerfile/parse.ts';

const noise = [
  '\\',
  '\n',
  '\t',
  '"',
  "'",
  '[',
  ']',
  '=',
  '--from=',
  '<<EOF',
  '\nEOF\n',
  '#',
  '$',
  '${',
  '}',
  ':-',
  '/',
  ' ',
];
const token = fc.oneof(
  fc.constantFrom(...keywords.map((keyword) => `\n${keyword} `), ...noise),
  fc.string({ maxLength: 6 }),
);

test('any text is either read or refused with dockerfile-invalid and a line of the file', () => {
  fc.assert(
    fc.property(fc.array(token, { maxLength: 40 }), (tokens) => {
      const text = `FROM scratch\n${tokens.join('')}`;
      try {
        parseDockerfile(text);
      } catch (error) {
        assert.ok(error instanceof BerthError, String(error));
        assert.equal(error.code, 'dockerfile-invalid');
        const line = Number(/on line (\d+)/.exec(error.message)?.[1]);
        assert.ok(line >= 1 && line <= text.split('\n').length, error.message);
      }
    }),
    { numRuns: 3000 },
  );
});

test('any word is either expanded or refused with a reason', () => {
  fc.assert(
    fc.property(fc.array(token, { maxLength: 20 }), (tokens) => {
      try {
        expandWord(tokens.join(''), { escape: '\\', lookup: (name) => (name.length > 2 ? undefined : name) });
      } catch (error) {
        assert.ok(error instanceof ExpansionError, String(error));
        assert.notEqual(error.message, '');
      }
    }),
    { numRuns: 3000 },
  );
});
