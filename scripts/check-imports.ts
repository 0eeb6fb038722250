// Runs dependency-cruiser over src/ and proves that it works: it must have seen modules, and the
// known violations in test/canary must fail.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

/** Every rule has a violation in the canary, so that none can stop working unseen. */
const load: (path: string) => { forbidden: { name: string }[] } = createRequire(import.meta.url);
const rules = load('../.dependency-cruiser.cjs').forbidden.map(({ name }) => name);

interface Cruise {
  summary: {
    totalCruised: number;
    error: number;
    violations: { rule: { name: string }; from: string; to: string }[];
  };
}

function cruise(folder: string, cwd: string): Cruise {
  const bin = new URL('../node_modules/dependency-cruiser/bin/dependency-cruiser.mjs', import.meta.url)
    .pathname;
  const config = new URL('../.dependency-cruiser.cjs', import.meta.url).pathname;
  const run = spawnSync(process.execPath, [bin, '--config', config, '--output-type', 'json', folder], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (!run.stdout.startsWith('{')) throw new Error(`dependency-cruiser did not run: ${run.stderr}`);
  const parse: (text: string) => Cruise = JSON.parse;
  return parse(run.stdout);
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}

const project = new URL('..', import.meta.url).pathname;
const real = cruise('src', project);
if (real.summary.totalCruised === 0) fail('the import check saw no module: it proves nothing');
for (const v of real.summary.violations) fail(`${v.rule.name}: ${v.from} -> ${v.to}`);

const canary = cruise('src', `${project}test/canary`);
const caught = new Set(canary.summary.violations.map((v) => v.rule.name));
for (const rule of rules) if (!caught.has(rule)) fail(`the canary's violation of '${rule}' was not caught`);

console.log(
  `${real.summary.totalCruised} modules, ${real.summary.violations.length} violations; canary caught: ${[...caught].join(', ')}`,
);
