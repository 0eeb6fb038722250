import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeRoot } from './root.ts';
import { median, timed } from './measure.ts';
import { startSubjects, type Subject } from './subjects.ts';

// Apps: `berth up` beside `docker compose up` of Debian trixie's plugin on dockerd, an `up` that has nothing to do,
// scaling, and how soon a dead replica is back.
//
//     sh scripts/with-node.sh bench/apps.ts [--rounds 5] [--out bench/APPS.md] [--plugin FILE]

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    out: { type: 'string' },
    plugin: {
      type: 'string',
      default: join(process.env['HOME'] ?? '', '.cache/berth/clients/compose-trixie/docker-compose'),
    },
  },
});
const rounds = Number(options.rounds);
const program = new URL('../berth', import.meta.url).pathname;
const services = 10;

/** Ten services: two that all need, six that need those to be healthy, two that need two of the six. */
function tenServices(): string {
  const probe = 'healthcheck: { test: [CMD, "true"], interval: 200ms, retries: 50 }';
  const one = (name: string, needs: string[]): string => {
    const on = needs.map((other) => `${other}: { condition: service_healthy }`).join(', ');
    const depends = needs.length === 0 ? '' : `\n    depends_on: { ${on} }`;
    return `  ${name}:\n    image: bench\n    command: sleep 1000\n    init: true\n    ${probe}${depends}\n`;
  };
  const middle = Array.from({ length: 6 }, (_, at) => one(`middle${at}`, ['db', 'queue']));
  const edge = [one('web', ['middle0', 'middle1']), one('api', ['middle2', 'middle3'])];
  return `services:\n${[one('db', []), one('queue', []), ...middle, ...edge].join('')}`;
}

interface Engine {
  name: string;
  up: (folder: string) => string[];
  down: (folder: string) => string[];
  env: Record<string, string>;
}

function engines(subjects: Subject[], config: string): Engine[] {
  return subjects.map(({ name, socket }) => {
    if (name === 'berth')
      return {
        name,
        up: (folder) => [program, 'up', folder],
        down: (folder) => [program, 'down', folder],
        env: { BERTH_HOST: `unix://${socket}` },
      };
    const compose = (folder: string): string[] => ['docker', 'compose', '--project-directory', folder];
    return {
      name,
      up: (folder) => [...compose(folder), 'up', '--detach', '--wait'],
      down: (folder) => [...compose(folder), 'down', '--timeout', '1'],
      env: { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: config },
    };
  });
}

type Samples = Record<string, number[]>;

/** Each engine once in each round, beginning with another each time; the first round warms up. */
async function ups(all: Engine[], folder: string): Promise<{ first: Samples; again: Samples }> {
  const first: Samples = Object.fromEntries(all.map(({ name }) => [name, []]));
  const again: Samples = Object.fromEntries(all.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round += 1)
    for (let at = 0; at < all.length; at += 1) {
      const engine = all[(round + at) % all.length];
      if (engine === undefined) continue;
      const up = await timed(engine.up(folder), engine.env);
      for (let repeat = 0; repeat < 3; repeat += 1) {
        const { ms } = await timed(engine.up(folder), engine.env);
        if (round > 0) again[engine.name]?.push(ms);
      }
      if (round > 0) first[engine.name]?.push(up.ms);
      await timed(engine.down(folder), engine.env);
    }
  return { first, again };
}

async function replicas(engine: Engine, folder: string): Promise<{ count: number; ms: number[] }[]> {
  const found: { count: number; ms: number[] }[] = [10, 25, 50].map((count) => ({ count, ms: [] }));
  await timed(engine.up(folder), engine.env);
  for (let round = 0; round < rounds; round += 1)
    for (const { count, ms } of found) {
      const ran = await timed([program, 'scale', `scaled/web=${count}`], engine.env);
      ms.push(ran.ms);
      await timed([program, 'scale', 'scaled/web=1', '--timeout', '60'], engine.env);
    }
  await timed(engine.down(folder), engine.env);
  return found;
}

/** Milliseconds from the death of a replica's process until its successor runs. */
async function deaths(engine: Engine, { api }: Subject, folder: string): Promise<number[]> {
  await timed(engine.up(folder), engine.env);
  const found: number[] = [];
  for (let round = 0; round < 2 * rounds; round += 1) {
    const before = await running(api);
    process.kill(before.pid, 'SIGKILL');
    const begun = performance.now();
    for (;;) {
      const now = await running(api);
      if (now.pid !== 0 && now.pid !== before.pid) break;
    }
    found.push(performance.now() - begun);
    // As the one person who may begin anew does: the next death is no crash loop.
    await timed(engine.up(folder), engine.env);
  }
  await timed(engine.down(folder), engine.env);
  return found;
}

async function running(api: Subject['api']): Promise<{ pid: number }> {
  const parse: (text: string) => { State: { Pid: number } } = JSON.parse;
  return { pid: parse(await api.call('GET', '/containers/mortal-web-1/json')).State.Pid };
}

async function project(scratch: string, name: string, text: string): Promise<string> {
  const folder = join(scratch, name);
  await mkdir(folder);
  await writeFile(join(folder, 'compose.yaml'), text);
  return folder;
}

const round = (value: number): string => value.toFixed(0);
const best = (values: number[] = []): number => Math.min(...values);

async function main(): Promise<void> {
  const scratch = await mkdtemp('/var/tmp/berth-bench-');
  let subjects: Subject[] = [];
  try {
    const config = join(scratch, 'docker-config');
    await mkdir(join(config, 'cli-plugins'), { recursive: true });
    if (!existsSync(options.plugin))
      throw new Error(`no Compose plugin at ${options.plugin}: npm run test:clients compose fetches it`);
    await symlink(options.plugin, join(config, 'cli-plugins', 'docker-compose'));
    const { tar } = await makeRoot(scratch);
    subjects = await startSubjects(scratch, tar, ['berth', 'dockerd']);
    const all = engines(subjects, config);
    const [berth] = all;
    const [subject] = subjects;
    if (berth?.name !== 'berth' || subject === undefined) throw new Error('no berth to measure');
    const ten = await project(scratch, 'ten', tenServices());
    const { first, again } = await ups(all, ten);
    const plain =
      'services: { web: { image: bench, command: sleep 1000, init: true, stop_grace_period: 1s } }';
    const scaled = await replicas(berth, await project(scratch, 'scaled', plain));
    const back = await deaths(berth, subject, await project(scratch, 'mortal', plain));
    const plugin = (await timed([options.plugin, 'version'])).stdout.trim();
    const row = (what: string, samples: Samples): string =>
      `| ${what} | ${all.map(({ name }) => `${round(median(samples[name] ?? []))} (${round(best(samples[name]))})`).join(' | ')} | ${(median(samples['dockerd'] ?? []) / median(samples['berth'] ?? [])).toFixed(1)}x |`;
    const page = [
      '# Apps',
      '',
      `Written by \`bench/apps.ts\`: ${rounds} rounds on ${cpus().length} processors, Linux ${release()}, medians (and the best) in milliseconds.`,
      '',
      ...subjects.map(({ name, version }) => `- ${name}: ${version.split('\n')[0] ?? ''}`),
      `- ${plugin}`,
      '',
      `| | ${all.map(({ name }) => name).join(' | ')} | ratio |`,
      '| --- | --- | --- | --- |',
      row(`\`up\` of ${services} services, ready images, to all healthy`, first),
      row('`up` with nothing to do, the command included', again),
      '',
      '| replicas, from 1 | ms | ms a replica |',
      '| --- | --- | --- |',
      ...scaled.map(
        ({ count, ms }) =>
          `| ${count} | ${round(median(ms))} (${round(best(ms))}) | ${(median(ms) / (count - 1)).toFixed(1)} (${(best(ms) / (count - 1)).toFixed(1)}) |`,
      ),
      '',
      `A dead replica is back after ${round(median(back))} ms (best ${round(best(back))}, worst ${round(Math.max(...back))}).`,
      '',
    ].join('\n');
    console.log(page);
    if (options.out !== undefined) await writeFile(options.out, page);
  } finally {
    for (const one of subjects) await one.stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

await main();
