import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startDaemon, type TestDaemon } from '../test/support/daemon.ts';
import { makeRootfs } from '../test/support/rootfs.ts';
import { EngineApi } from './engine-api.ts';
import { Floor } from './floor.ts';
import { median } from './measure.ts';

// What a start costs beside few and beside many running containers, by network, and what plain crun costs beside the same.
//
//     sh scripts/with-node.sh bench/running.ts [--few 10] [--running 1000] [--reps 15] [--beside none]

const { values: options } = parseArgs({
  options: {
    few: { type: 'string', default: '10' },
    running: { type: 'string', default: '1000' },
    reps: { type: 'string', default: '15' },
    /** The network of those that run; a Linux bridge takes 1,023. */
    beside: { type: 'string', default: 'none' },
  },
});
const reps = Number(options.reps);
const networks = ['none', 'host', 'bridge'] as const;
/** How many are started and removed at once to come to an amount. */
const lanes = 8;
/** Of the processor time in /proc/PID/stat. */
const ticksPerSecond = 100;

/** Milliseconds by what was measured. */
type Samples = Map<string, number[]>;

class Crowd {
  readonly #daemon: TestDaemon;
  readonly #api: EngineApi;
  readonly #floor: Floor;
  readonly #running: string[] = [];

  constructor(daemon: TestDaemon, floor: Floor) {
    this.#daemon = daemon;
    this.#api = new EngineApi(daemon.socket);
    this.#floor = floor;
  }

  /** Starts or removes containers until so many run. */
  async become(count: number): Promise<void> {
    const lane = async (): Promise<void> => {
      while (this.#running.length + this.#starting < count) await this.#add();
      while (this.#running.length > count) await this.#remove(this.#running.pop() ?? '');
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  }

  #starting = 0;

  async #add(): Promise<void> {
    this.#starting += 1;
    const id = await this.#create(options.beside);
    await this.#api.call('POST', `/containers/${id}/start`);
    this.#running.push(id);
    this.#starting -= 1;
  }

  async #create(network: string): Promise<string> {
    const parse: (text: string) => { Id: string } = JSON.parse;
    const body = { Image: 'busybox', Cmd: ['sleep', '100000'], HostConfig: { NetworkMode: network } };
    return parse(await this.#api.call('POST', '/containers/create', body)).Id;
  }

  async #remove(id: string): Promise<void> {
    await this.#api.call('DELETE', `/containers/${id}?force=1`);
  }

  /** Each network in turn, and plain crun, `reps` times; the first round warms up. */
  async measure(): Promise<Samples> {
    const samples: Samples = new Map();
    const used = await this.#processorTime();
    for (let round = 0; round <= reps; round++) {
      const found = await this.#round();
      if (round > 0) for (const [name, ms] of found) samples.set(name, [...(samples.get(name) ?? []), ms]);
    }
    const starts = (reps + 1) * networks.length;
    const each = ((await this.#processorTime()) - used) / starts;
    return samples.set("the daemon's processor time, start and removal", [each]);
  }

  async #round(): Promise<[string, number][]> {
    const found: [string, number][] = [['crun run', await this.#floor.run('own')]];
    for (const network of networks) {
      const begun = performance.now();
      const id = await this.#create(network);
      await this.#api.call('POST', `/containers/${id}/start`);
      found.push([`create + start, ${network}`, performance.now() - begun]);
      await this.#remove(id);
    }
    return found;
  }

  /** Milliseconds of the daemon, to 10. */
  async #processorTime(): Promise<number> {
    const stat = await readFile(`/proc/${this.#daemon.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
  }

  close(): void {
    this.#api.close();
  }
}

function table(few: Samples, many: Samples, after: Samples): string {
  const rows = [...few].map(([name, values]) => {
    const [least, middle] = [few, many, after].reduce<[number[], number[]]>(
      ([minimums, medians], samples) => {
        const found = samples.get(name) ?? values;
        return [
          [...minimums, Math.min(...found)],
          [...medians, median(found)],
        ];
      },
      [[], []],
    );
    const cells = [least, middle].flatMap((found) => [
      ...found.map((ms) => ms.toFixed(1)),
      ((found[1] ?? Number.NaN) / (found[0] ?? Number.NaN)).toFixed(2),
    ]);
    return `| ${[name, ...cells].join(' | ')} |`;
  });
  const columns = ['least', 'median'].flatMap((kind) =>
    [options.few, options.running, `${options.few} again`, 'ratio'].map((column) => `${kind}, ${column}`),
  );
  return [
    `| ms beside | ${columns.join(' | ')} |`,
    `| --- |${' --- |'.repeat(columns.length)}`,
    ...rows,
  ].join('\n');
}

const folder = await mkdtemp('/var/tmp/berth-bench-');
try {
  makeRootfs(join(folder, 'root'));
  const floor = await Floor.make(join(folder, 'crun'), join(folder, 'root'));
  await using daemon = await startDaemon();
  await daemon.loadBusybox();
  const crowd = new Crowd(daemon, floor);
  await crowd.become(Number(options.few));
  const few = await crowd.measure();
  await crowd.become(Number(options.running));
  const many = await crowd.measure();
  await crowd.become(Number(options.few));
  const after = await crowd.measure();
  crowd.close();
  console.log(
    `Linux ${release()}, ${cpus().length} x ${cpus()[0]?.model ?? ''}, ${floor.version}, ${reps} rounds`,
  );
  console.log(`\n${table(few, many, after)}`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
