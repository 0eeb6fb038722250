import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { expandWord } from './expand.ts';
import type { Command } from './instruction.ts';
import { parseDockerfile } from './parse.ts';

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/);
const value = fc.string({ unit: 'grapheme-ascii', maxLength: 20 });
const lookup = (): undefined => undefined;

/** The value in double quotes, so that the shell lexer gives it back. */
function quote(text: string): string {
  return `"${text.replaceAll(/[\\"$]/g, '\\$&')}"`;
}

test('values that are quoted come back as they were, through parser and expansion', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ name, value }, { noNullPrototype: true }), { minLength: 1, maxLength: 4 }),
      (pairs) => {
        const words = pairs.map((pair) => `${pair.name}=${quote(pair.value)}`);
        const file = parseDockerfile(`FROM scratch\nENV ${words.join(' \\\n  # between\n  ')}\n`);
        const [env] = file.stages[0]?.instructions ?? [];
        assert.ok(env?.name === 'ENV');
        const read = env.pairs.map((pair) => ({
          name: pair.name,
          value: expandWord(pair.value, { escape: '\\', lookup }),
        }));
        assert.deepEqual(read, pairs);
      },
    ),
  );
});

test('an exec form comes back as it was', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), (args) => {
      const file = parseDockerfile(`FROM scratch\nCMD ${JSON.stringify(args)}\n`);
      const [cmd] = file.stages[0]?.instructions ?? [];
      assert.ok(cmd?.name === 'CMD');
      const expected: Command = { form: 'exec', args };
      assert.deepEqual(cmd.command, expected);
    }),
  );
});

test('a shell command keeps its text wherever it is continued', () => {
  const word = fc.stringMatching(/^[a-z0-9&|;"'$=-]{1,6}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(word, fc.boolean()), { minLength: 1, maxLength: 8 }), (words) => {
      const text = words.map(([each, breaks]) => each + (breaks ? ' \\\n' : ' ')).join('');
      const file = parseDockerfile(`FROM scratch\nRUN true ${text}\n`);
      const [run] = file.stages[0]?.instructions ?? [];
      assert.ok(run?.name === 'RUN' && run.command.form === 'shell');
      assert.equal(run.command.text, `true ${words.map(([each]) => each).join(' ')}`);
    }),
  );
});
