import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FixtureImage, Packing } from './image-fixture.ts';
import { timed } from './measure.ts';
import { startSubjects, type Subject } from './subjects.ts';

/** How one engine does with images what all of them do. Each command runs in the engine's own network. */
export interface ImageEngine {
  name: string;
  version: string;
  /** Whether it reads layers that are packed so. */
  reads(packing: Packing): boolean;
  load?(image: FixtureImage): string[];
  pull?(reference: string): string[];
  /** Of what was loaded as `bench:1`; `prepare` is not measured. */
  push?(reference: string, image: FixtureImage): { prepare?: string[]; push: string[] };
  /** What was loaded as `bench:1`, into a file. */
  save?(file: string): string[];
  /** Of a container that has written files; all but `commit` is not measured. */
  commit?: { prepare: string[][]; commit: string[]; clean: string[][] };
  /** Removes every image named, and all that only they need. */
  remove(references: string[]): string[];
  env: Record<string, string>;
  /** A process whose network it pulls from; undefined for the host's. */
  network: number | undefined;
  /** The processes of its daemon, beside the command itself. */
  pids(): Promise<number[]>;
  stop(): Promise<void>;
}

const onPath = (program: string): boolean => existsSync(join('/usr/bin', program));
const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';
const always = { reads: () => true, env: {}, network: undefined, pids: () => Promise.resolve([]) };
const nothing = (): Promise<void> => Promise.resolve();

/** 80 MB in 4,000 files and one large one. */
const written =
  'mkdir /d && cd /d && dd if=/dev/urandom of=one bs=1M count=40 2>/dev/null && ' +
  'for i in $(seq 4000); do dd if=one of=f$i bs=10k count=1 skip=$i 2>/dev/null; done; sync';

/**
 * @param docker the command, as far as all that it does has in common; it has an image `bench`
 * @param ulimit options of its `run`
 */
function commits(docker: string[], ulimit: string[] = []): NonNullable<ImageEngine['commit']> {
  return {
    prepare: [
      [...docker, 'run', ...ulimit, '--name', 'writer', '--network', 'none', 'bench', 'sh', '-c', written],
    ],
    commit: [...docker, 'commit', 'writer', 'committed:1'],
    clean: [
      [...docker, 'rm', 'writer'],
      [...docker, 'rmi', '-f', 'committed:1'],
    ],
  };
}

/** Every engine that is installed, each with its data below `disk`; what they never do is left out. */
export async function startImageEngines(
  disk: string,
  scratch: string,
  rootTar: string,
  only: string[],
): Promise<ImageEngine[]> {
  const engines = (
    await startSubjects(
      disk,
      rootTar,
      only.filter((name) => name !== 'podman'),
    )
  ).map(docker);
  const others = {
    ctr: () => containerd(disk),
    podman: () => podman(disk, rootTar),
    skopeo: () => skopeo(scratch),
    tar: () => tar(disk),
  };
  for (const [name, make] of Object.entries(others)) {
    const engine = only.includes(name) ? await make() : undefined;
    if (engine !== undefined) engines.push(engine);
  }
  return engines;
}

function docker(subject: Subject): ImageEngine {
  return {
    name: subject.name,
    version: firstLine(subject.version),
    reads: (packing) => subject.name === 'berth' || packing === 'gzip',
    load: ({ archive }) => ['docker', 'load', '-q', '-i', archive],
    pull: (reference) => ['docker', 'pull', '-q', reference],
    push: (reference) => ({
      prepare: ['docker', 'tag', 'bench:1', reference],
      push: ['docker', 'push', '-q', reference],
    }),
    save: (file) => ['docker', 'save', '-o', file, 'bench:1'],
    commit: commits(['docker']),
    remove: (references) => ['docker', 'rmi', '-f', ...references],
    env: { DOCKER_HOST: `unix://${subject.socket}` },
    network: subject.pid,
    pids: () => subject.pids(),
    stop: () => subject.stop(),
  };
}

async function containerd(disk: string): Promise<ImageEngine | undefined> {
  if (!onPath('ctr') || !onPath('containerd')) return undefined;
  const folder = join(disk, 'containerd');
  await mkdir(folder);
  const [root, state, socket] = ['root', 'state', 'sock'].map((name) => join(folder, name));
  const daemon = spawn(
    'unshare',
    ['--mount', 'containerd', '--root', root ?? '', '--state', state ?? '', '--address', socket ?? ''],
    { stdio: 'ignore' },
  );
  const ended = new Promise((resolve) => daemon.once('exit', resolve));
  const ctr = ['ctr', '--address', socket ?? '', 'images'];
  for (let tries = 0; ; tries += 1)
    try {
      await timed([...ctr, 'ls']);
      break;
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(100);
    }
  return {
    ...always,
    name: 'ctr',
    version: firstLine((await timed(['containerd', '--version'])).stdout),
    pull: (reference) => [...ctr, 'pull', '--plain-http', reference],
    remove: (references) => [...ctr, 'rm', '--sync', ...references],
    pids: () => Promise.resolve([daemon.pid ?? 0]),
    stop: async () => {
      daemon.kill('SIGTERM');
      await ended;
    },
  };
}

async function podman(disk: string, rootTar: string): Promise<ImageEngine | undefined> {
  if (!onPath('podman')) return undefined;
  const command = [
    ...['podman', '--root', join(disk, 'podman'), '--runroot', join(disk, 'podman-run')],
    ...['--runtime', 'crun', '--cgroup-manager', 'cgroupfs'],
  ];
  await timed([...command, 'import', '-q', '-c', 'CMD ["sh"]', rootTar, 'bench']);
  return {
    ...always,
    name: 'podman',
    version: firstLine((await timed(['podman', '--version'])).stdout),
    load: ({ archive }) => [...command, 'load', '-q', '-i', archive],
    pull: (reference) => [...command, 'pull', '-q', '--tls-verify=false', reference],
    push: (reference) => ({
      prepare: [...command, 'tag', 'localhost/bench:1', reference],
      push: [...command, 'push', '-q', '--tls-verify=false', reference],
    }),
    save: (file) => [...command, 'save', '-q', '-o', file, 'bench:1'],
    // Its own limits are higher than one may have here and there.
    commit: commits(command, ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000']),
    remove: (references) => [...command, 'rmi', '-f', ...references],
    stop: async () => {
      await timed([...command, 'system', 'reset', '-f']).catch(() => undefined);
    },
  };
}

/** Copies blobs as they are: the floor of pushing. */
async function skopeo(scratch: string): Promise<ImageEngine | undefined> {
  if (!onPath('skopeo')) return undefined;
  return {
    ...always,
    name: 'skopeo copy',
    version: firstLine((await timed(['skopeo', '--version'])).stdout),
    push: (reference, { layout }) => ({
      push: [
        ...['env', `XDG_DATA_HOME=${scratch}`, 'skopeo', 'copy', '-q', '--dest-tls-verify=false'],
        ...[`oci:${layout}:1`, `docker://${reference}`],
      ],
    }),
    remove: () => ['true'],
    stop: nothing,
  };
}

/** Unpacks one layer after another: the floor of loading. */
async function tar(disk: string): Promise<ImageEngine> {
  const folder = join(disk, 'tar');
  await mkdir(folder);
  const unpack =
    'to=$1; shift; for layer; do mkdir -p $to/${layer##*/} && tar -xf $layer -C $to/${layer##*/}; done';
  const command = ({ layers }: FixtureImage): string[] => [
    'sh',
    '-c',
    `set -e; ${unpack}`,
    'sh',
    folder,
    ...layers,
  ];
  return {
    ...always,
    name: 'tar xf',
    version: firstLine((await timed(['tar', '--version'])).stdout),
    load: command,
    remove: () => ['sh', '-c', `rm -rf ${folder}/*`],
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The most memory that processes have had at once since `reset`, in bytes: the sum of what each had at its highest. */
export async function highest(pids: number[]): Promise<number> {
  let bytes = 0;
  for (const pid of pids) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    bytes += Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  }
  return bytes;
}
