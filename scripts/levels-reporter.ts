// A reporter for node's test runner: npm test must fail when a level of tests was left out, wholly or in part, although
// every test that ran passed. It compares the files that gave results with those that are there, and counts what was skipped.
import { globSync } from 'node:fs';
import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';

/** Levels whose every file must run (docs/architecture.md, section 5). */
const levels: Readonly<Record<string, string>> = {
  unit: 'src/**/!(*.prop).test.ts',
  property: 'src/**/*.prop.test.ts',
  golden: 'test/golden/**/*.test.ts',
  kernel: 'test/kernel/**/*.test.ts',
  api: 'test/api/**/*.test.ts',
  fuzz: 'test/fuzz/**/*.test.ts',
  'end to end': 'test/e2e/**/*.test.ts',
};

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const ran = new Set<string>();
  const left: string[] = [];
  for await (const event of events) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { file, name, skip, todo } = event.data;
    if (file === undefined) continue;
    const path = relative(process.cwd(), file);
    // The runner makes a test of a file that has none.
    if (name === path || name === file) continue;
    if (isSet(skip) || isSet(todo)) left.push(`'${name}' in ${path} was skipped`);
    else ran.add(path);
  }
  const problems = [
    ...left,
    ...Object.entries(levels).flatMap(([level, pattern]) => missing(level, pattern, ran)),
  ];
  if (problems.length === 0) return;
  process.exitCode = 1;
  yield `\nnot every test was run:\n${problems.map((problem) => `  ${problem}\n`).join('')}`;
}

function isSet(mark: string | boolean | undefined): boolean {
  return mark !== undefined && mark !== false;
}

function missing(level: string, pattern: string, ran: ReadonlySet<string>): string[] {
  const files = globSync(pattern);
  if (files.length === 0) return [`there is no test of the level '${level}' (${pattern})`];
  return files
    .filter((file) => !ran.has(file))
    .map((file) => `${file}, of the level '${level}', gave no result`);
}
