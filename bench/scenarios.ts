import { setTimeout } from 'node:timers/promises';
import { logLines, type Floor } from './floor.ts';
import { timed } from './measure.ts';
import type { Subject } from './subjects.ts';

/** One thing measured: how each engine does it, and what plain crun needs for the same. */
export interface Scenario {
  name: string;
  /** Rounds in relation to the number asked for. */
  share: number;
  engine: (subject: Subject) => Promise<number>;
  floor: (floor: Floor) => Promise<number>;
  prepare?: (subject: Subject) => Promise<unknown>;
  clear?: (subject: Subject) => Promise<unknown>;
}

const parallel = 20;
const environment = ({ socket }: Subject): Record<string, string> => ({ DOCKER_HOST: `unix://${socket}` });
const docker = (subject: Subject, ...args: string[]) => timed(['docker', ...args], environment(subject));
const networks = ['bridge', 'none', 'host'] as const;
const ownOrHost = (network: (typeof networks)[number]) => (network === 'host' ? 'host' : 'own');

const runs: Scenario[] = networks.map((network) => ({
  name: `docker run --rm --network ${network} IMAGE true`,
  share: 1,
  engine: async (subject) => (await docker(subject, 'run', '--rm', '--network', network, 'bench', 'true')).ms,
  floor: (floor) => floor.run(ownOrHost(network)),
}));

const engineShare: Scenario[] = networks.map((network) => ({
  name: `API: create + start + wait + remove, ${network}`,
  share: 2,
  engine: ({ api }) => api.runOnce('bench', network),
  floor: (floor) => floor.run(ownOrHost(network)),
}));

/** The floor's exec needs a running container; one for the whole run is started lazily. */
function execScenario(
  name: string,
  share: number,
  engine: (subject: Subject, container: string) => Promise<number>,
): Scenario {
  let idle: Promise<string> | undefined;
  return {
    name,
    share,
    prepare: (subject) => docker(subject, 'run', '-d', '--name', 'bench-exec', 'bench', 'sleep', '600'),
    engine: (subject) => engine(subject, 'bench-exec'),
    floor: async (floor) => {
      idle ??= floor.idle();
      return floor.exec(await idle);
    },
    clear: (subject) => docker(subject, 'rm', '-f', 'bench-exec'),
  };
}

async function together(start: (i: number) => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await Promise.all(Array.from({ length: parallel }, (_, i) => start(i)));
  return performance.now() - begun;
}

const parallelRuns: Scenario = {
  name: `${parallel} parallel docker run -d`,
  share: 0.5,
  engine: async (subject) => {
    const ms = await together(() =>
      docker(subject, 'run', '-d', '--label', 'bench', 'bench', 'sleep', '600'),
    );
    await removeAll(subject);
    return ms;
  },
  floor: async (floor) => {
    const ids: string[] = [];
    const ms = await together(async () => ids.push(await floor.idle()));
    await floor.remove(ids);
    return ms;
  },
};

/** Detached, so that only the log reads: from the start to the end of a container that writes as fast as it is read. */
const shortLines: Scenario = {
  name: `docker run -d and wait: ${logLines.toLocaleString('en')} short lines into the log`,
  share: 0.5,
  engine: async (subject) => {
    const begun = performance.now();
    const { stdout: id } = await docker(
      subject,
      ...['run', '-d', '--network', 'none', '--label', 'bench', 'bench', 'seq', '1', String(logLines)],
    );
    await docker(subject, 'wait', id.trim());
    const ms = performance.now() - begun;
    await removeAll(subject);
    return ms;
  },
  floor: (floor) => floor.lines(),
};

async function removeAll(subject: Subject): Promise<void> {
  const { stdout } = await docker(subject, 'ps', '-aq', '--filter', 'label=bench');
  await docker(subject, 'rm', '-f', ...stdout.trim().split('\n'));
}

export function scenarios(): Scenario[] {
  const byClient = execScenario('docker exec CONTAINER true', 1, async (subject, container) => {
    return (await docker(subject, 'exec', container, 'true')).ms;
  });
  const byApi = execScenario('API: exec create + start to its end', 2, ({ api }, container) =>
    api.execOnce(container),
  );
  return [...runs, ...engineShare, byClient, byApi, parallelRuns, shortLines];
}

/** Resident bytes of the daemon with idle containers: right after their start, and after a rest. */
export interface IdleMemory {
  started: number;
  rested: number;
}

export const restSeconds = 30;

export async function idleMemory(subject: Subject): Promise<IdleMemory> {
  await together(() => docker(subject, 'run', '-d', '--label', 'bench', 'bench', 'sleep', '600'));
  const started = await subject.memory();
  await setTimeout(restSeconds * 1000);
  const rested = await subject.memory();
  await removeAll(subject);
  return { started, rested };
}
