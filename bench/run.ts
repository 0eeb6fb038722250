import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Floor } from './floor.ts';
import { report, type Row } from './report.ts';
import { makeRoot } from './root.ts';
import { idleMemory, scenarios, type IdleMemory, type Scenario } from './scenarios.ts';
import { startSubjects, type Subject } from './subjects.ts';

const { values: options } = parseArgs({
  options: {
    reps: { type: 'string', default: '15' },
    out: { type: 'string' },
    only: { type: 'string', default: 'berth,dockerd,podman' },
  },
});

/** Every round asks the floor and each engine once; who begins rotates. The first round warms up and is not counted. */
async function measure(scenario: Scenario, subjects: Subject[], floor: Floor, reps: number): Promise<Row> {
  const askers = [
    { name: 'crun', ask: () => scenario.floor(floor) },
    ...subjects.map((subject) => ({ name: subject.name, ask: () => scenario.engine(subject) })),
  ];
  const samples: Record<string, number[]> = Object.fromEntries(askers.map(({ name }) => [name, []]));
  for (const subject of subjects) await scenario.prepare?.(subject);
  const rounds = Math.max(3, Math.round(reps * scenario.share));
  for (let round = 0; round <= rounds; round++)
    for (let i = 0; i < askers.length; i++) {
      const asker = askers[(round + i) % askers.length];
      const ms = await asker?.ask();
      if (round > 0 && asker !== undefined && ms !== undefined) samples[asker.name]?.push(ms);
    }
  for (const subject of subjects) await scenario.clear?.(subject);
  return { scenario: scenario.name, samples };
}

async function main(): Promise<void> {
  const scratch = await mkdtemp('/var/tmp/berth-bench-');
  let subjects: Subject[] = [];
  let floor: Floor | undefined;
  try {
    const { root, tar } = await makeRoot(scratch);
    floor = await Floor.make(join(scratch, 'crun'), root);
    subjects = await startSubjects(scratch, tar, options.only.split(','));
    const rows: Row[] = [];
    for (const scenario of scenarios()) {
      console.error(scenario.name);
      rows.push(await measure(scenario, subjects, floor, Number(options.reps)));
    }
    const memory: Record<string, IdleMemory> = {};
    for (const subject of subjects) memory[subject.name] = await idleMemory(subject);
    const versions = {
      ...Object.fromEntries(subjects.map(({ name, version }) => [name, version])),
      crun: floor.version,
    };
    const text = report(rows, memory, versions);
    console.log(text);
    if (options.out !== undefined) await writeFile(options.out, text);
  } finally {
    await floor?.close();
    for (const subject of subjects) await subject.stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

await main();
