import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { paddingOf } from '../src/domain/archive/tar-entry.ts';
import { encodeHeader, tarEnd, tarEntry } from '../src/domain/archive/tar-writer.ts';
import { highest } from './image-engines.ts';
import { makeImages, makePool } from './image-fixture.ts';
import { makeLoopDisk } from './loop-disk.ts';
import { quantile, timed } from './measure.ts';
import { makeRoot } from './root.ts';
import { startSubjects, type Subject } from './subjects.ts';

// Whether the daemon goes on answering, and how much memory it takes, while it loads a layer of 3 GB, and while many load at once.
// Fails when it takes more than 200 MB more.
//
//     sh scripts/with-node.sh bench/big-image.ts [--gigabytes 3] [--clients 6]

const { values: options } = parseArgs({
  options: { gigabytes: { type: 'string', default: '3' }, clients: { type: 'string', default: '6' } },
});

const files = 4;
const mostBytes = 200e6;

interface Layer {
  diffId: string;
  size: number;
}

/** A layer tar of a few large files, and what it is called by. */
async function* largeTar(bytes: number, made: (layer: Layer) => void): AsyncGenerator<Uint8Array> {
  const pool = makePool();
  const hash = createHash('sha256');
  let size = 0;
  for (const piece of pieces(pool, bytes)) {
    hash.update(piece);
    size += piece.length;
    yield await Promise.resolve(piece);
  }
  made({ diffId: `sha256:${hash.digest('hex')}`, size });
}

function* pieces(pool: Buffer, bytes: number): Generator<Uint8Array> {
  const each = Math.floor(bytes / files / pool.length) * pool.length;
  for (let file = 0; file < files; file++) {
    yield encodeHeader(tarEntry(`large-${file}`, 'file', { size: each }));
    // Never the same bytes twice, as far as a compressor sees.
    for (let at = 0; at < each; at += pool.length)
      yield* [pool.subarray(at % 4099), pool.subarray(0, at % 4099)];
    yield new Uint8Array(paddingOf(each));
  }
  yield tarEnd;
}

/** An archive as `docker save` lays it out; the size of its layer is known from a first pass. */
async function makeArchive(path: string, bytes: number): Promise<void> {
  let layer: Layer = { diffId: '', size: 0 };
  const first = largeTar(bytes, (made) => (layer = made));
  while ((await first.next()).done !== true) continue;
  const member = (name: string, body: Buffer): Uint8Array[] => [
    encodeHeader(tarEntry(name, 'file', { size: body.length })),
    body,
    new Uint8Array(paddingOf(body.length)),
  ];
  const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [layer.diffId] } };
  const manifest = [{ Config: 'config.json', RepoTags: ['big:1'], Layers: ['layer.tar'] }];
  await pipeline(async function* () {
    yield encodeHeader(tarEntry('layer.tar', 'file', { size: layer.size }));
    yield* largeTar(bytes, () => undefined);
    yield* member('config.json', Buffer.from(JSON.stringify(config)));
    yield* member('manifest.json', Buffer.from(JSON.stringify(manifest)));
    yield tarEnd;
  }, createWriteStream(path));
}

/** Runs `work` and tells how long `GET /_ping` took meanwhile, in milliseconds, and how many bytes the daemon grew at the most. */
async function beside(
  { api, pid }: Subject,
  work: () => Promise<unknown>,
): Promise<{ ms: number; pings: number[]; bytes: number }> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
  const before = await highest([pid]);
  const begun = performance.now();
  const over = new AbortController();
  const working = work().finally(() => over.abort());
  const pings: number[] = [];
  while (!over.signal.aborted) {
    const asked = performance.now();
    await api.call('GET', '/_ping');
    pings.push(performance.now() - asked);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await working;
  return { ms: performance.now() - begun, pings, bytes: (await highest([pid])) - before };
}

async function main(): Promise<void> {
  const scratch = await mkdtemp('/var/tmp/berth-bench-');
  try {
    const archive = join(scratch, 'big.tar');
    await makeArchive(archive, Number(options.gigabytes) * 1e9);
    const { image } = await makeImages(join(scratch, 'many'), 'zstd');
    await using disk = await makeLoopDisk(scratch, 16);
    const { tar } = await makeRoot(scratch);
    const [berth] = await startSubjects(disk.path, tar, ['berth']);
    if (berth === undefined) throw new Error('berth did not start');
    try {
      const env = { DOCKER_HOST: `unix://${berth.socket}` };
      const docker = (...words: string[]): Promise<unknown> => timed(['docker', ...words], env);
      const many = Array.from({ length: Number(options.clients) }, (_, at) => at);
      const cases: Record<string, () => Promise<unknown>> = {
        'nothing else': () => docker('version').then(() => new Promise((done) => setTimeout(done, 2000))),
        [`a layer of ${options.gigabytes} GB is loaded`]: () => docker('load', '-q', '-i', archive),
        'it is saved': () => docker('save', '-o', join(disk.path, 'saved.tar'), 'big:1'),
        [`${many.length} clients load 26,000 files each at once`]: () =>
          Promise.all(many.map(() => docker('load', '-q', '-i', image.archive))),
        'both are removed': () => docker('rmi', 'big:1', 'bench:1'),
      };
      for (const [what, work] of Object.entries(cases)) {
        await disk.settle();
        const { ms, pings, bytes } = await beside(berth, work);
        const [middle, late, most] = [0.5, 0.99, 1].map((q) => quantile(pings, q).toFixed(1));
        console.log(
          `${what}: ${(ms / 1000).toFixed(1)} s; ping ${middle} ms, p99 ${late}, at most ${most}; ` +
            `${(bytes / 1e6).toFixed(0)} MB more`,
        );
        if (bytes > mostBytes) process.exitCode = 1;
      }
    } finally {
      await berth.stop();
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

await main();
