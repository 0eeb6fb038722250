// npm run test:dockerfile: BuildKit's own packages and Berth must make the same of the same text.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { applyModeChange, parseModeChange } from '#domain/build/mode.ts';
import { parseIgnore } from '#domain/build/ignore.ts';
import { ExpansionError, expandWord, expandWords } from '#domain/dockerfile/expand.ts';
import { parseDockerfile } from '#domain/dockerfile/parse.ts';
import { BerthError } from '#base/errors.ts';
import { corpus, corpusWords, ignoreTable } from './corpus.ts';
import { checkedFiles, checkTable } from './check-files.ts';
import { files, ignoreFiles, modes, paths, values, words } from './generated.ts';
import { Oracle, type Answer, type Question } from './oracle.ts';
import { isStricter } from './known.ts';
import { checked, outlined, targeted } from './checked.ts';
import { parsed } from './parsed.ts';

const runs = {
  numRuns: Number(process.env['BERTH_RUNS'] ?? 2000),
  ...(process.env['BERTH_SEED'] === undefined ? {} : { seed: Number(process.env['BERTH_SEED']) }),
};
await using oracle = await Oracle.start();
const counts = { same: 0, refused: 0, stricter: 0 };

for (const [word, escape] of await corpusWords()) await compareWord(word, escape);
for (const [patterns, names] of ignoreTable) await compareIgnore(patterns, names);
for (const text of [...(await corpus()), ...checkTable]) {
  await compareFile(text);
  await compareChecks(text);
}
await fc.assert(fc.asyncProperty(words, fc.constantFrom('\\', '`'), compareWord), runs);
await fc.assert(fc.asyncProperty(ignoreFiles, paths, compareIgnore), runs);
await fc.assert(fc.asyncProperty(modes, compareMode), runs);
await fc.assert(fc.asyncProperty(files, compareFile), runs);
await fc.assert(fc.asyncProperty(checkedFiles, compareChecks), runs);
const { same, refused, stricter } = counts;
console.log(
  `${same} mean the same to both, ${refused} are refused by both, ${stricter} by Berth only, knowingly`,
);

async function compareWord(text: string, escape: string): Promise<void> {
  // A dollar sign that replaces all matches is taken for a group of the match there.
  if (/\/\/[^]*(?:\$[$}'"]|['"\\`][^]*\$|\$$)/.test(text)) return;
  // A suffix is matched backwards there, which a backslash does not survive where it is not the escape.
  if (escape === '`' && /%[^]*\\/.test(text)) return;
  const expansion = {
    escape,
    lookup: (name: string) => Object.entries(values).find(([key]) => key === name)?.[1],
  };
  const question = { text, escape, args: values };
  await compare({ kind: 'word', ...question }, () => ({ word: expandWord(text, expansion) }));
  // Within a substitution BuildKit forgets the part of the word before it.
  if (!/\$\{[^}]*[^\w}]/.test(text))
    await compare({ kind: 'words', ...question }, () => ({ words: expandWords(text, expansion) }));
  await compare({ kind: 'text', ...question }, () => ({
    word: expandWord(text, { ...expansion, quotes: 'plain' }),
  }));
}

async function compareIgnore(text: string, names: string[]): Promise<void> {
  // An exception that leaves the context loses its mark there.
  if (/^\s*!.*\.\./m.test(text)) return;
  await compare({ kind: 'ignore', text, paths: names }, () => {
    const rules = parseIgnore(text);
    return { ignored: names.map((path) => rules.ignores(path)) };
  });
}

async function compareMode({
  text,
  mode,
  folder,
}: {
  text: string;
  mode: number;
  folder: boolean;
}): Promise<void> {
  await compare({ kind: 'chmod', text, mode, folder }, () => ({
    mode: applyModeChange(parseModeChange(text), mode, folder),
  }));
}

async function compareFile(text: string): Promise<void> {
  await compare({ kind: 'parse', text }, () => parsed(parseDockerfile(text)));
}

async function compareChecks(text: string): Promise<void> {
  const mine = attempt(() => checked(text));
  if (mine instanceof Error) return;
  const theirs = await oracle.ask({ kind: 'check', text, args: {} });
  // What the plan of a build refuses is not looked at by the checks: the engine plans before.
  if (theirs['failed'] === true) counts.refused += 1;
  else await compare({ kind: 'check', text, args: {} }, () => mine);
  if (theirs['failed'] === true) return;
  await compare({ kind: 'outline', text, args: {} }, () => outlined(text));
  // It falls over a comment with check options.
  if (!text.includes('check=')) await compare({ kind: 'targets', text }, () => targeted(text));
}

async function compare(question: Question, mine: () => unknown): Promise<void> {
  const theirs = await oracle.ask(question);
  const shown = `${question.kind} of ${JSON.stringify(question)}`;
  assert.equal(theirs['panic'], undefined, shown);
  const answer = attempt(mine);
  if (answer instanceof Error) {
    if ('error' in theirs) counts.refused += 1;
    else {
      assert.ok(isStricter(question, answer.message), `only Berth refuses ${shown}: ${answer.message}`);
      counts.stricter += 1;
    }
    return;
  }
  assert.equal(
    theirs['error'],
    undefined,
    `only BuildKit refuses ${shown}: Berth takes it for ${JSON.stringify(answer)}`,
  );
  assert.deepEqual(plain(answer), theirs, shown);
  counts.same += 1;
}

function attempt(mine: () => unknown): unknown {
  try {
    return mine();
  } catch (error) {
    if (error instanceof BerthError || error instanceof ExpansionError) return error;
    throw error;
  }
}

function plain(value: unknown): Answer {
  const parse: (text: string) => Answer = JSON.parse;
  return parse(JSON.stringify(value));
}
