import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeCases, type BuildCase } from './build-cases.ts';
import { makeLoopDisk } from './loop-disk.ts';
import { median, timed } from './measure.ts';
import { makeRoot } from './root.ts';
import { startSubjects, type Subject } from './subjects.ts';

// Builds: ten RUN steps and a COPY of many files, cold and fully cached, by Berth, dockerd's classic builder and its BuildKit, and
// buildah; all data on a loop-mounted ext4.
//
//     sh scripts/with-node.sh bench/builds.ts [--rounds 5] [--only berth,dockerd,buildkit,buildah] [--plugin FILE] [--out bench/BUILDS.md]

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: 'berth,dockerd,buildkit,buildah' },
    out: { type: 'string' },
    plugin: {
      type: 'string',
      default: join(process.env['HOME'] ?? '', '.cache/berth/clients/buildx-trixie/docker-buildx'),
    },
  },
});

/** One way to build. */
interface Builder {
  name: string;
  version: string;
  build: (item: BuildCase, cached: boolean) => Promise<number>;
}

const classic = { DOCKER_BUILDKIT: '0' };

function byClient({ name, socket, version }: Subject): Builder {
  const env = { ...classic, DOCKER_HOST: `unix://${socket}` };
  return {
    ...{ name, version },
    build: async ({ folder }, cached) =>
      (await timed(['docker', 'build', '-q', ...(cached ? [] : ['--no-cache']), folder], env)).ms,
  };
}

/** Without a client: the context as a tar by the API. */
function byApi({ name, socket, version }: Subject): Builder {
  return {
    ...{ name: `${name}, API alone`, version },
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

async function byBuildKit({ socket, version }: Subject, scratch: string): Promise<Builder> {
  const config = join(scratch, 'docker-config');
  await mkdir(join(config, 'cli-plugins'), { recursive: true });
  await symlink(options.plugin, join(config, 'cli-plugins', 'docker-buildx'));
  const env = { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: config };
  const client = (await timed([options.plugin, 'version'])).stdout.trim();
  return {
    ...{ name: 'BuildKit', version: `in ${version}, by ${client}` },
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
    ...{ name: 'buildah', version: (await timed(['buildah', '--version'])).stdout.trim() },
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
  const add = (into: Samples, name: string, ms: number): void =>
    void into.set(name, [...(into.get(name) ?? []), ms]);
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
      add(cold, builder.name, ms);
      for (const each of again) add(cached, builder.name, each);
    }
  return [cold, cached];
}

function row(builders: Builder[], what: string, samples: Samples): string {
  const middle = (name: string): number => median(samples.get(name) ?? []);
  const best = (name: string): number => Math.min(...(samples.get(name) ?? []));
  const peers = builders.filter(({ name }) => !name.startsWith('berth'));
  const fastest = Math.min(...peers.map(({ name }) => middle(name)));
  const cells = builders.map(({ name }) => `${middle(name).toFixed(0)} (${best(name).toFixed(0)})`);
  return `| ${what} | ${cells.join(' | ')} | ${peers.length === 0 ? '' : `${(fastest / middle('berth')).toFixed(1)}x`} |`;
}

async function main(): Promise<void> {
  const scratch = await mkdtemp('/var/tmp/berth-bench-');
  let subjects: Subject[] = [];
  try {
    const { steps, copies } = await makeCases(scratch);
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
      const dockerd = subjects.find(({ name }) => name === 'dockerd');
      if (wanted.includes('buildkit') && dockerd !== undefined && existsSync(options.plugin))
        builders.push(await byBuildKit(dockerd, scratch));
      if (wanted.includes('buildah')) builders.push(await byBuildah(disk.path, tar));
      const lines: string[] = [];
      for (const item of [steps, copies]) {
        const [cold, cached] = await measure(builders, item, () => disk.settle());
        lines.push(row(builders, `${item.name}, cold`, cold), row(builders, `${item.name}, cached`, cached));
      }
      const page = [
        '# Builds',
        '',
        `Written by \`bench/builds.ts\`: ${options.rounds} rounds on ${cpus().length} processors, Linux ${release()}, data on a loop-mounted ext4; medians (and the best) in milliseconds.`,
        '',
        ...builders.map(({ name, version }) => `- ${name}: ${version.split('\n')[0] ?? ''}`),
        '',
        `| | ${builders.map(({ name }) => name).join(' | ')} | best peer / berth |`,
        `| --- |${' --- |'.repeat(builders.length + 1)}`,
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
