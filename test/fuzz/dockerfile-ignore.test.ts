import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BerthError } from '#base/errors.ts';
import { parseIgnore } from '#domain/build/ignore.ts';

const pattern = fc
  .array(
    fc.constantFrom('*', '**', '?', '[', ']', '^', '-', '\\', '/', '!', '#', 'a', 'b', '.', '..', ' ', '\n'),
    {
      maxLength: 20,
    },
  )
  .map((parts) => parts.join(''));
const segment = fc.stringMatching(/^[a-z.]{1,4}$/).filter((text) => text !== '.' && text !== '..');
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));

test('any .dockerignore is either read or refused with pattern-invalid', () => {
  fc.assert(
    fc.property(pattern, path, (text, candidate) => {
      try {
        assert.equal(typeof parseIgnore(text).ignores(candidate), 'boolean');
      } catch (error) {
        assert.ok(error instanceof BerthError, String(error));
        assert.equal(error.code, 'pattern-invalid');
      }
    }),
    { numRuns: 3000 },
  );
});

test('what is below an ignored folder is ignored, and an exception for it takes it in again', () => {
  fc.assert(
    fc.property(path, path, (folder, below) => {
      assert.equal(parseIgnore(folder).ignores(`${folder}/${below}`), true);
      assert.equal(parseIgnore(`${folder}\n!${folder}/${below}`).ignores(`${folder}/${below}`), false);
      assert.equal(parseIgnore(`**/${below}`).ignores(`${folder}/${below}`), true);
    }),
  );
});
