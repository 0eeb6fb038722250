import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { highest, startImageEngines, type ImageEngine } from './image-engines.ts';
import { makeImages, type FixtureImage } from './image-fixture.ts';
import { imagesPage, type Measured } from './image-report.ts';
import { registryHost, withRegistry } from './image-registry.ts';
import { makeLoopDisk, type LoopDisk } from './loop-disk.ts';
import { timed } from './measure.ts';
import { makeRoot } from './root.ts';

// Loading, pulling, pushing and removing an image of 565 MB in 26,000 files, beside other engines and plain tar.
//
//     sh scripts/with-node.sh bench/images.ts [--rounds 3] [--only berth,tar] [--out bench/IMAGES.md]

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'berth,dockerd,podman,ctr,skopeo,tar' },
    out: { type: 'string' },
  },
});

interface Bench {
  scratch: string;
  disk: LoopDisk;
  gzip: { image: FixtureImage; second: FixtureImage };
  zstd: { image: FixtureImage };
  found: Measured;
}

async function main(): Promise<void> {
  const scratch = await mkdtemp('/var/tmp/berth-bench-');
  let engines: ImageEngine[] = [];
  try {
    const gzip = await makeImages(join(scratch, 'gzip'), 'gzip');
    const zstd = await makeImages(join(scratch, 'zstd'), 'zstd');
    await using disk = await makeLoopDisk(scratch, 12);
    try {
      const bench: Bench = { scratch, disk, gzip, zstd, found: new Map() };
      const { tar } = await makeRoot(scratch);
      const wanted = options.only.split(',');
      engines = await startImageEngines(disk.path, scratch, tar, wanted);
      await fillRegistry(bench);
      const rounds = Number(options.rounds);
      for (let round = 0; round < rounds; round += 1)
        for (let at = 0; at < engines.length; at += 1) {
          const engine = engines[(round + at) % engines.length];
          if (engine !== undefined) await measure(bench, engine);
        }
      const machine = `${rounds} rounds on ${cpus().length} processors, Linux ${release()}`;
      const page = imagesPage(engines, bench.found, machine);
      console.log(page);
      if (options.out !== undefined) await writeFile(options.out, page);
    } finally {
      for (const engine of engines) await engine.stop();
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const pulled = `${registryHost}/bench:1`;
const second = `${registryHost}/bench:2`;
const pushed = `${registryHost}/pushed:1`;

async function fillRegistry({ scratch, gzip }: Bench): Promise<void> {
  const copies = { [pulled]: gzip.image, [second]: gzip.second };
  await withRegistry({ scratch, storage: join(scratch, 'registry'), network: undefined }, async () => {
    for (const [reference, { layout }] of Object.entries(copies))
      await timed([
        ...['skopeo', 'copy', '-q', '--dest-tls-verify=false'],
        ...[`oci:${layout}:1`, `docker://${reference}`],
      ]);
  });
}

async function measure(bench: Bench, engine: ImageEngine): Promise<void> {
  const { gzip, zstd } = bench;
  if (engine.load !== undefined) {
    await one(bench, engine, 'load', engine.load(gzip.image));
    if (engine.push !== undefined) await push(bench, engine);
    if (engine.save !== undefined) {
      const file = join(bench.disk.path, 'saved.tar');
      await one(bench, engine, 'save', engine.save(file));
      await rm(file);
    }
    await one(
      bench,
      engine,
      'remove',
      engine.remove(engine.push === undefined ? ['bench:1'] : ['bench:1', pushed]),
    );
    if (engine.reads('zstd')) {
      await one(bench, engine, 'load zstd', engine.load(zstd.image));
      await timed(engine.remove(['bench:1']), engine.env);
    }
  } else if (engine.push !== undefined) await push(bench, engine);
  if (engine.pull !== undefined) await pull(bench, engine);
  if (engine.commit !== undefined) await commit(bench, engine, engine.commit);
}

async function commit(
  bench: Bench,
  engine: ImageEngine,
  commands: NonNullable<ImageEngine['commit']>,
): Promise<void> {
  for (const command of commands.prepare) await timed(command, engine.env);
  await one(bench, engine, 'commit', commands.commit);
  for (const command of commands.clean) await timed(command, engine.env);
}

async function pull(bench: Bench, engine: ImageEngine): Promise<void> {
  const { scratch } = bench;
  const command = (reference: string): string[] => engine.pull?.(reference) ?? [];
  await withRegistry({ scratch, storage: join(scratch, 'registry'), network: engine.network }, async () => {
    await one(bench, engine, 'pull', command(pulled));
    await one(bench, engine, 'pull second', command(second));
  });
  await timed(engine.remove([pulled, second]), engine.env);
}

async function push(bench: Bench, engine: ImageEngine): Promise<void> {
  const { scratch, gzip } = bench;
  const storage = join(scratch, 'pushed');
  await mkdir(storage);
  const commands = engine.push?.(pushed, gzip.image);
  if (commands === undefined) return;
  if (commands.prepare !== undefined) await timed(commands.prepare, engine.env);
  const place = { scratch, storage, network: engine.network };
  await withRegistry(place, () => one(bench, engine, 'push', commands.push));
  await rm(storage, { recursive: true });
}

/** Runs a command and keeps how long it took, and by how much the daemon grew at the most. */
async function one(
  { disk, found }: Bench,
  engine: ImageEngine,
  what: string,
  command: string[],
): Promise<void> {
  await disk.settle();
  const pids = await engine.pids();
  for (const pid of pids) await writeFile(`/proc/${pid}/clear_refs`, '5');
  const before = await highest(pids);
  const { ms } = await timed(command, engine.env);
  const bytes = (await highest(pids)) - before;
  const row = found.get(what) ?? new Map<string, { ms: number; bytes: number }[]>();
  found.set(what, row);
  row.set(engine.name, [...(row.get(engine.name) ?? []), { ms, bytes }]);
  console.error(`${engine.name}: ${what}: ${ms.toFixed(0)} ms, ${(bytes / 1e6).toFixed(0)} MB more`);
}

await main();
