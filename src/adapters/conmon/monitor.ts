import { closeSync, constants, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { messageOf, systemCode } from '#base/errors.ts';
import { pipe, readEnd } from '#adapters/linux/descriptors.ts';
import { mountDetached } from '#adapters/linux/detached-mount.ts';
import { reap, spawnInSession } from '#adapters/linux/spawn.ts';
import type { CreateTask } from '#ports/runtime.ts';
import type { TaskFiles } from './bundle.ts';
import type { OciRuntime } from './oci-runtime.ts';
import { runtimeFailure } from './failure.ts';

export interface MonitorSettings {
  program: string;
  runtime: OciRuntime;
  files: TaskFiles;
  /** Where the container's log is. */
  logPath: (id: string) => string;
}

/**
 * Starts conmon, which has crun make the container. conmon leaves the daemon's session and process group and
 * is nobody's child; it and the container live on when the daemon is killed.
 * @returns the main process's id
 */
export async function startMonitor(settings: MonitorSettings, task: CreateTask): Promise<number> {
  const { pid, sync, errors } = launch(settings, task);
  try {
    const { data, message } = parseReport(await firstLine(sync));
    if (data > 0) return data;
    throw runtimeFailure('create', task.spec.process.args[0] ?? '', message || (await everything(errors)));
  } finally {
    sync.destroy();
    errors.destroy();
    // The process that was started ends as soon as it has forked the monitor, so before the report.
    reap(pid);
  }
}

/** conmon reads commands from a FIFO until it ends; without a reader there is nobody to tell. */
export async function tellMonitor(fifo: string, command: string): Promise<void> {
  try {
    const handle = await open(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    await handle.write(command).finally(() => handle.close());
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'ENOENT' && code !== 'ENXIO') throw error;
  }
}

/** The descriptor by which a monitor keeps the root of its task: the first that conmon has no use for, and leaves open. */
const rootDescriptor = 4;

/** The root that a monitor keeps, for whoever may look into its process. */
export function keptRoot(monitor: number): string {
  return `/proc/${monitor}/fd/${rootDescriptor}`;
}

interface Launched {
  pid: number;
  /** conmon reports here what became of the container. */
  sync: Socket;
  errors: Socket;
}

function launch(settings: MonitorSettings, task: CreateTask): Launched {
  const [sync, errors] = [pipe(), pipe()];
  const nowhere = openSync('/dev/null', 'r+');
  const kept: number[] = [];
  try {
    if (task.keepsRoot === true) kept.push(mountDetached(task.spec.root.path));
    const pid = spawnInSession({
      path: settings.program,
      args: monitorArguments(settings, task),
      env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', _OCI_SYNCPIPE: '3' },
      // conmon writes the file `oom` where it is.
      cwd: settings.files.bundle(task.id),
      descriptors: [nowhere, nowhere, errors.write, sync.write, ...kept],
    });
    return { pid, sync: readEnd(sync.read), errors: readEnd(errors.read) };
  } catch (error) {
    for (const { read } of [sync, errors]) closeSync(read);
    throw runtimeFailure('create', task.spec.process.args[0] ?? '', messageOf(error));
  } finally {
    for (const fd of [nowhere, sync.write, errors.write, ...kept]) closeSync(fd);
  }
}

function monitorArguments({ runtime, files, logPath }: MonitorSettings, task: CreateTask): string[] {
  const { id } = task;
  const stdin = task.stdin || task.tty;
  // On a terminal the end of input is a character; a pipe is closed when the first client ends, or never.
  const keepOpen = task.tty || !task.stdinOnce;
  return [
    ...['--api-version', '1', '--cid', id, '--cuuid', id, '--name', id],
    ...['--bundle', files.bundle(id), '--exit-dir', files.exits],
    ...['--container-pidfile', files.inBundle(id, 'pid')],
    ...['--conmon-pidfile', files.inBundle(id, 'conmon.pid')],
    ...['--log-path', task.log ? `k8s-file:${logPath(id)}` : 'none', '--log-level', 'error'],
    ...['--full-attach', '--no-sync-log'],
    ...(task.logFileBytes === undefined ? [] : ['--log-size-max', String(task.logFileBytes)]),
    ...['--runtime', runtime.program, ...runtime.options.flatMap((option) => ['--runtime-arg', option])],
    ...(task.tty ? ['--terminal'] : []),
    ...(stdin ? ['--stdin'] : []),
    ...(stdin && keepOpen ? ['--leave-stdin-open'] : []),
  ];
}

interface Report {
  /** The main process's id; negative when the runtime failed. */
  data: number;
  message?: string;
}

function parseReport(text: string): Report {
  if (text === '') return { data: -1 };
  const parse: (text: string) => Report = JSON.parse;
  return parse(text);
}

async function firstLine(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text;
}

/** What conmon printed of itself, without its own prefix. */
async function everything(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text.replaceAll(/^\[conmon:[a-z]\]: /gm, '');
}
