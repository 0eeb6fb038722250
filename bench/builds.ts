import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeCases, type BuildCase } from './build-cases.ts';
import { makeLoopDisk } from './loop-disk.ts';
import { median, timed } from './measure.ts';
import { makeRoot } from './root.ts';
import { startSubjects, type Subject } from './subjects.ts';

// Builds, cold and fully cached, by Berth, dockerd's classic builder and its BuildKit, and buildah; all data on a loop-mounted
// ext4. What stands in one row was driven by the same client: some keep their files with the engine between builds.
//
//     sh scripts/with-node.sh bench/builds.ts [--rounds 5] [--only berth,dockerd,buildx,buildah] [--plugin FILE] [--cases COPY] [--out bench/BUILDS.md]

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: 'berth,dockerd,buildx,buildah' },
    out: { type: 'string' },
    /** Of those whose names have this. */
    cases: { type: 'string', default: '' },
    plugin: {
      type: 'string',
      default: join(process.env['HOME'] ?? '', '.cache/berth/clients/buildx-trixie/docker-buildx'),
    },
  },
});

/** One way to build. */
interface Builder {
  name: string;
  client: string;
  version: string;
  build: (item: BuildCase, cached: boolean) => Promise<number>;
}

const classic = { DOCKER_BUILDKIT: '0' };

function byClient({ name, socket, version }: Subject): Builder {
  const env = { ...classic, DOCKER_HOST: `unix://${socket}` };
  return {
    ...{ name, client: 'docker build', version },
    build: async ({ folder }, cached) =>
      (await timed(['docker', 'build', '-q', ...(cached ? [] : ['--no-cache']), folder], env)).ms,
  };
}

/** Without a client: the context as a tar by the API. */
function byApi({ name, socket, version }: Subject): Builder {
  return {
    ...{ name, client: 'API alone', version },
    build: async ({ folder }, cached) => {
      const tar = join(folder, '..', 'context.tar');
      await timed(['tar', '-C', folder, '-cf', tar, '.']);
      const content = await readFile(tar);
      const begun = performance.now();
      await post(socket, `/v1.41/build?q=1${cached ? '' : '&nocache=1'}`, content);
      return performance.now() - begun;
    },
  };
}

function post(socketPath: string, path: string, body: Buffer): Promise<void> {
  const headers = { 'Content-Type': 'application/x-tar', 'Content-Length': body.length };
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method: 'POST', path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        if (response.statusCode === 200 && !text.includes('"error"')) resolve();
        else reject(new Error(text));
      });
    });
    sent.on('error', reject).end(body);
  });
}

/** By BuildKit's client: to dockerd's BuildKit, and to Berth. */
async function byBuildx({ name, socket, version }: Subject, scratch: string): Promise<Builder> {
  const config = join(scratch, `docker-config-${name}`);
  await mkdir(join(config, 'cli-plugins'), { recursive: true });
  await symlink(options.plugin, join(config, 'cli-plugins', 'docker-buildx'));
  const env = { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: config };
  const client = (await timed([options.plugin, 'version'])).stdout.trim();
  return {
    ...{ name, client: 'buildx', version: `${version}; buildx: ${client}` },
    build: async ({ folder }, cached) => {
      const args = ['--progress', 'quiet', '--output', 'type=image', ...(cached ? [] : ['--no-cache'])];
      return (await timed(['docker', 'buildx', 'build', ...args, folder], env)).ms;
    },
  };
}

async function byBuildah(disk: string, rootTar: string): Promise<Builder> {
  const places = ['--root', join(disk, 'buildah'), '--runroot', join(disk, 'buildah-run')];
  const buildah = ['buildah', ...places, '--storage-driver', 'overlay'];
  const work = (await timed([...buildah, 'from', 'scratch'])).stdout.trim();
  await timed([...buildah, 'add', work, rootTar, '/']);
  await timed([...buildah, 'commit', '--rm', work, 'localhost/bench']);
  return {
    ...{ name: 'buildah', client: '', version: (await timed(['buildah', '--version'])).stdout.trim() },
    build: async ({ folder }, cached) => {
      const args = ['--isolation', 'oci', '--runtime', 'crun', '--layers', '--pull=never'];
      return (await timed([...buildah, 'bud', ...args, ...(cached ? [] : ['--no-cache']), '-q', folder])).ms;
    },
  };
}

type Samples = Map<string, number[]>;

async function measure(
  builders: Builder[],
  item: BuildCase,
  settle: () => Promise<void>,
): Promise<[Samples, Samples]> {
  const cold: Samples = new Map();
  const cached: Samples = new Map();
  const add = (into: Samples, { name, client }: Builder, ms: number): void => {
    const key = `${name} ${client}`;
    into.set(key, [...(into.get(key) ?? []), ms]);
  };
  const rounds = Number(options.rounds);
  // The first round warms up.
  for (let round = 0; round <= rounds; round += 1)
    for (let at = 0; at < builders.length; at += 1) {
      const builder = builders[(round + at) % builders.length];
      if (builder === undefined) continue;
      await settle();
      const ms = await builder.build(item, false);
      const again = [await builder.build(item, true), await builder.build(item, true)];
      if (round === 0) continue;
      add(cold, builder, ms);
      for (const each of again) add(cached, builder, each);
    }
  return [cold, cached];
}

const clients = ['docker build', 'API alone', 'buildx'];
const engines = ['berth', 'dockerd', 'buildah'];

/** One for each client; buildah is its own in all of them. */
function rows(what: string, samples: Samples): string[] {
  const of = (engine: string, client: string): number[] =>
    samples.get(`${engine} ${engine === 'buildah' ? '' : client}`) ?? [];
  return clients.flatMap((client) => {
    const berth = median(of('berth', client));
    if (Number.isNaN(berth)) return [];
    const cells = engines.map((engine) => {
      const values = of(engine, client);
      return values.length === 0 ? '' : `${median(values).toFixed(0)} (${Math.min(...values).toFixed(0)})`;
    });
    const peers = engines.slice(1).map((engine) => median(of(engine, client)));
    const best = Math.min(...peers.filter((ms) => !Number.isNaN(ms)));
    return [
      `| ${what} | ${client} | ${cells.join(' | ')} | ${Number.isFinite(best) ? `${(best / berth).toFixed(1)}x` : ''} |`,
    ];
  });
}

async function main(): Promise<void> {
  const scratch = await mkdtemp('/var/tmp/berth-bench-');
  let subjects: Subject[] = [];
  try {
    const cases = (await makeCases(scratch)).filter(({ name }) => name.includes(options.cases));
    const { tar } = await makeRoot(scratch);
    await using disk = await makeLoopDisk(scratch, 6);
    try {
      const wanted = options.only.split(',');
      subjects = await startSubjects(
        disk.path,
        tar,
        ['berth', 'dockerd'].filter((name) => wanted.includes(name)),
      );
      const builders = subjects.flatMap((subject) => [byClient(subject), byApi(subject)]);
      if (wanted.includes('buildx') && existsSync(options.plugin))
        for (const subject of subjects) builders.push(await byBuildx(subject, scratch));
      if (wanted.includes('buildah')) builders.push(await byBuildah(disk.path, tar));
      const lines: string[] = [];
      for (const item of cases) {
        const [cold, cached] = await measure(builders, item, () => disk.settle());
        lines.push(...rows(`${item.name}, cold`, cold), ...rows(`${item.name}, cached`, cached));
      }
      const page = [
        '# Builds',
        '',
        `Written by \`bench/builds.ts\`: ${options.rounds} rounds on ${cpus().length} processors (load at the end ${(loadavg()[0] ?? 0).toFixed(0)}), Linux ${release()}, data on a loop-mounted ext4; medians (and the best) in milliseconds.`,
        '',
        ...new Set(
          builders.map(
            ({ name, client, version }) =>
              `- ${name}${client === 'buildx' ? ' by buildx' : ''}: ${version.split('\n')[0] ?? ''}`,
          ),
        ),
        '',
        '`docker build` is the classic client, `API alone` a tar of the context; `buildx` is BuildKit in dockerd, and keeps the files that it sent.',
        'buildah is its own client in all rows.',
        '',
        `| | client | ${engines.join(' | ')} | best peer / berth |`,
        `| --- | --- |${' --- |'.repeat(engines.length + 1)}`,
        ...lines,
        '',
      ].join('\n');
      console.log(page);
      if (options.out !== undefined) await writeFile(options.out, page);
    } finally {
      for (const subject of subjects) await subject.stop();
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

await main();
