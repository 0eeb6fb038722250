import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineApi } from './engine-api.ts';
import { timed } from './measure.ts';

/** An engine behind a Docker socket. */
export interface Subject {
  name: string;
  version: string;
  socket: string;
  api: EngineApi;
  /** Of the daemon. */
  pid: number;
  /** The daemon and what it always runs beside it. */
  pids(): Promise<number[]>;
  /** Resident bytes of the daemon with what it always runs beside it (dockerd's containerd). */
  memory(): Promise<number>;
  stop(): Promise<void>;
}

interface Recipe {
  name: string;
  installed: () => boolean;
  /** The daemon, listening on `dir`/sock. */
  command: (dir: string) => string[];
  env?: (dir: string) => Record<string, string>;
  version: string[];
}

const project = new URL('..', import.meta.url).pathname;
const onPath = (program: string): boolean =>
  ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin'].some((folder) =>
    existsSync(join(folder, program)),
  );

const recipes: Recipe[] = [
  {
    name: 'berth',
    installed: () => true,
    command: () => [join(project, 'berth'), 'daemon'],
    env: (dir) => ({
      // As people run it, whatever this program itself was started with.
      BERTH_DEV: '',
      BERTH_ROOT: join(dir, 'root'),
      BERTH_RUN: join(dir, 'run'),
      BERTH_HOST: `unix://${dir}/sock`,
    }),
    version: [join(project, 'berth'), '--version'],
  },
  {
    name: 'dockerd',
    installed: () => onPath('dockerd'),
    command: (dir) => [
      ...['dockerd', '--data-root', `${dir}/data`, '--exec-root', `${dir}/exec`, '--pidfile', `${dir}/pid`],
      ...['-H', `unix://${dir}/sock`, '--storage-driver', 'overlay2'],
    ],
    version: ['dockerd', '--version'],
  },
  {
    name: 'podman',
    installed: () => onPath('podman'),
    command: (dir) => [
      ...['podman', '--root', `${dir}/root`, '--runroot', `${dir}/run`, '--runtime', 'crun'],
      ...['system', 'service', '--time', '0', `unix://${dir}/sock`],
    ],
    version: ['podman', '--version'],
  },
];

/** Starts every installed engine of `only`, each on a private root, with the image `bench` loaded. */
export async function startSubjects(scratch: string, rootTar: string, only: string[]): Promise<Subject[]> {
  const started: Subject[] = [];
  try {
    for (const recipe of recipes)
      if (only.includes(recipe.name) && recipe.installed())
        started.push(await start(recipe, join(scratch, recipe.name)));
    for (const { socket } of started)
      await timed(['docker', 'import', '-c', 'CMD ["sh"]', rootTar, 'bench'], {
        DOCKER_HOST: `unix://${socket}`,
      });
    return started;
  } catch (error) {
    for (const subject of started) await subject.stop();
    throw error;
  }
}

async function start(recipe: Recipe, dir: string): Promise<Subject> {
  await mkdir(dir, { recursive: true });
  // A mount and a network namespace of its own: what it leaves is gone with its last process.
  const inside = [
    'unshare',
    '--net',
    '--mount',
    'sh',
    '-c',
    'ip link set lo up; exec "$@"',
    'sh',
    ...recipe.command(dir),
  ];
  const [program = '', ...args] = inside;
  const env = { ...process.env, ...recipe.env?.(dir) };
  const daemon = spawn(program, args, { env, stdio: 'ignore' });
  const socket = join(dir, 'sock');
  const api = new EngineApi(socket);
  const stop = async (): Promise<void> => {
    api.close();
    await end(daemon);
    await killBelow(dir);
  };
  try {
    await answers(api, daemon, recipe.name);
  } catch (error) {
    await stop();
    throw error;
  }
  const version = (await timed(recipe.version)).stdout.trim();
  const pid = daemon.pid ?? 0;
  const pids = (): Promise<number[]> => daemons(pid);
  return { name: recipe.name, version, socket, api, pid, pids, stop, memory: () => residentBytes(pid) };
}

async function answers(api: EngineApi, daemon: ChildProcess, name: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (daemon.exitCode !== null) throw new Error(`${name} ended before it answered`);
    try {
      await api.call('GET', '/_ping');
      return;
    } catch {
      await sleep(50);
    }
  }
  throw new Error(`${name} does not answer`);
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null) return;
  const exited = new Promise((resolve) => daemon.once('exit', resolve));
  daemon.kill('SIGTERM');
  const late = new AbortController();
  await Promise.race([exited, sleep(10_000, undefined, { signal: late.signal })]);
  late.abort();
  // Does nothing to a process that ended.
  daemon.kill('SIGKILL');
}

/** Monitors and shims that outlive the daemon name its folder on their command line. */
async function killBelow(dir: string): Promise<void> {
  for (const { pid, command } of await processes())
    if (command.includes(`${dir}/`) && pid !== process.pid) process.kill(pid, 'SIGKILL');
}

interface Process {
  pid: number;
  parent: number;
  command: string;
}

async function processes(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = pids.map(async (pid) => {
    try {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
      const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      return [{ pid: Number(pid), parent, command }];
    } catch {
      return []; // it ended meanwhile
    }
  });
  return (await Promise.all(read)).flat();
}

/** The daemon and its direct children that are daemons themselves, without the monitors of containers. */
async function daemons(daemon: number): Promise<number[]> {
  const all = await processes();
  return all
    .filter(
      ({ pid, parent, command }) => pid === daemon || (parent === daemon && /^containerd /.test(command)),
    )
    .map(({ pid }) => pid);
}

async function residentBytes(daemon: number): Promise<number> {
  let bytes = 0;
  for (const pid of await daemons(daemon)) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    bytes += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  }
  return bytes;
}
