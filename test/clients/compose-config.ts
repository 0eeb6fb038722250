// npm run test:compose: generated projects, read by Docker Compose and by Berth, must mean the same.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { parse } from 'yaml';
import { canonicalDocument } from '#domain/compose/canonical.ts';
import { composeError } from '#domain/compose/problem.ts';
import { run } from '../support/docker.ts';
import { readProject } from '../support/compose.ts';
import { environment, projects } from './compose-documents.ts';
import { dockerPlugin } from './install.ts';
import { comparable } from './compose-comparable.ts';

const plugin = await dockerPlugin('docker-compose');
const root = await mkdtemp(join(tmpdir(), 'berth-compose-'));
const counts = { same: 0, refused: 0 };

try {
  await fc.assert(fc.asyncProperty(projects, compare), {
    numRuns: Number(process.env['BERTH_RUNS'] ?? 300),
    ...(process.env['BERTH_SEED'] === undefined ? {} : { seed: Number(process.env['BERTH_SEED']) }),
  });
  console.log(`${counts.same} projects mean the same to both, ${counts.refused} are refused by both`);
} finally {
  await rm(root, { recursive: true });
}

async function compare(files: Record<string, string>): Promise<void> {
  const folder = join(root, 'shop');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  for (const [name, text] of Object.entries(files)) await put(join(folder, name), text);
  const theirs = await run(plugin, ['config'], {
    cwd: folder,
    environment: { PATH: process.env['PATH'] ?? '', HOME: root, ...environment },
  });
  const names = ['compose.yaml', 'compose.override.yaml'].filter((name) => name in files);
  const mine = readProject(files, { folder, files: names, environment: { HOME: root, ...environment } });
  if (mine.model === undefined || mine.document === undefined) {
    const why = composeError(mine.problems, mine.sources).message;
    assert.notEqual(theirs.code, 0, `only Berth refuses: ${why}`);
    counts.refused += 1;
    return;
  }
  assert.equal(theirs.code, 0, `only Docker Compose refuses: ${theirs.stderr}`);
  assert.deepEqual(
    comparable(canonicalDocument(mine.document, mine.model)),
    comparable(parse(theirs.stdout)),
  );
  counts.same += 1;
}

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
