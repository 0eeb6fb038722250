import { randomUUID } from 'node:crypto';
import { closeSync, fchownSync, openSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { messageOf } from '#base/errors.ts';
import { pipe, readEnd, writeEnd } from '#adapters/linux/descriptors.ts';
import { DescriptorInbox } from '#adapters/linux/rights.ts';
import { reap, spawnInSession } from '#adapters/linux/spawn.ts';
import type { ProcessSpec } from '#domain/container/runtime-spec.ts';
import type { Owner } from '#domain/user-namespace/id-mappings.ts';
import type { ExecProcess } from '#ports/runtime.ts';
import { encode, type TaskFiles } from './bundle.ts';
import { runtimeFailure } from './failure.ts';
import type { OciRuntime } from './oci-runtime.ts';
import { PipedExec } from './piped-exec.ts';
import { TerminalExec } from './terminal-exec.ts';

export interface ExecRequest {
  id: string;
  process: ProcessSpec;
  tty: boolean;
  stdin: boolean;
  /** Who the process's pipes belong to; absent: the OCI runtime sees to it. */
  owner?: Owner;
}

/** How `crun exec` ended. */
export interface Ended {
  exitCode: number;
  /** What crun itself said; '' when nothing. */
  message: string;
}

/** Pipes to the process; like the kernel's own, so that it may open /dev/stdout anew. */
export interface Pipes {
  /** Absent when it has no input. */
  stdin?: Writable;
  stdout: Socket;
  stderr: Socket;
}

interface Launched {
  /** Absent when the process has a terminal. */
  pipes?: Pipes;
  /** The process's id in the host's namespace; '' when it never ran. */
  pid: Promise<string>;
  ended: Promise<Ended>;
}

/**
 * Runs a process in a task by `crun exec`, which stays as its parent and ends with its exit code.
 * @throws as Runtime.exec
 */
export async function startExec(
  crun: OciRuntime,
  files: TaskFiles,
  request: ExecRequest,
): Promise<ExecProcess> {
  const name = randomUUID();
  const spec = join(files.execs, `${name}.json`);
  const consolePath = join(files.execs, `${name}.tty`);
  const inbox = request.tty ? new DescriptorInbox(consolePath) : undefined;
  const console = inbox?.receive();
  try {
    writeFileSync(spec, encode(request.process), { mode: 0o600 });
    const launched = launch(crun, request, spec, consolePath);
    const stop = (): void => inbox?.stop();
    void launched.ended.then(stop, stop);
    const pid = Number(await launched.pid);
    if (!(pid > 0)) {
      const { message } = await launched.ended;
      throw runtimeFailure('exec', request.process.args[0] ?? '', message);
    }
    const terminal = await console;
    if (terminal !== undefined) return new TerminalExec(pid, terminal, launched.ended);
    return new PipedExec(pid, launched.pipes, launched.ended);
  } catch (error) {
    inbox?.stop();
    // crun hands the terminal over before it looks for the program.
    const terminal = await console;
    if (terminal !== undefined) closeSync(terminal);
    throw error;
  } finally {
    for (const path of [spec, consolePath]) rmSync(path, { force: true });
  }
}

function launch(crun: OciRuntime, request: ExecRequest, spec: string, consolePath: string): Launched {
  const { ours, theirs } = openPipes(request);
  const args = execArguments(crun, request, spec, consolePath);
  try {
    const crunPid = spawnInSession({ path: crun.program, args, env: {}, cwd: '/', descriptors: theirs });
    return {
      ...(ours.streams ? { pipes: pipesOf(ours.streams) } : {}),
      ...reports(crunPid, readEnd(ours.pid), readEnd(ours.log)),
    };
  } catch (error) {
    for (const fd of ours.all) closeSync(fd);
    throw runtimeFailure('exec', request.process.args[0] ?? '', messageOf(error));
  } finally {
    for (const fd of new Set(theirs)) closeSync(fd);
  }
}

export interface StreamEnds {
  stdin?: number;
  stdout: number;
  stderr: number;
}

/** Descriptors: our ends, and what becomes 0 to 4 in crun. With a terminal crun needs no streams. */
function openPipes(request: ExecRequest): {
  ours: { pid: number; log: number; streams?: StreamEnds; all: number[] };
  theirs: number[];
} {
  const [pid, log] = [pipe(), pipe()];
  const nowhere = openSync('/dev/null', 'r+');
  if (request.tty)
    return {
      ours: { pid: pid.read, log: log.read, all: [pid.read, log.read] },
      theirs: [nowhere, nowhere, nowhere, pid.write, log.write],
    };
  const { ours: streams, theirs } = openStreams(request, nowhere);
  const all = [pid.read, log.read, ...endsOf(streams)];
  return {
    ours: { pid: pid.read, log: log.read, streams, all },
    theirs: [...theirs, pid.write, log.write],
  };
}

export function endsOf({ stdin, stdout, stderr }: StreamEnds): number[] {
  return [...(stdin === undefined ? [] : [stdin]), stdout, stderr];
}

/** @param nowhere is closed, or becomes the process's input when it is to have none */
export function openStreams(
  { stdin, owner }: Pick<ExecRequest, 'stdin' | 'owner'>,
  nowhere: number,
): { ours: StreamEnds; theirs: [stdin: number, stdout: number, stderr: number] } {
  const [output, errors] = [ownPipe(owner), ownPipe(owner)];
  const ours: StreamEnds = { stdout: output.read, stderr: errors.read };
  if (!stdin) return { ours, theirs: [nowhere, output.write, errors.write] };
  const input = ownPipe(owner);
  closeSync(nowhere);
  return { ours: { ...ours, stdin: input.write }, theirs: [input.read, output.write, errors.write] };
}

function ownPipe(owner: Owner | undefined): ReturnType<typeof pipe> {
  const ends = pipe();
  if (owner !== undefined) fchownSync(ends.write, owner.uid, owner.gid);
  return ends;
}

export function pipesOf({ stdin, stdout, stderr }: StreamEnds): Pipes {
  return {
    ...(stdin === undefined ? {} : { stdin: writeEnd(stdin) }),
    stdout: readEnd(stdout),
    stderr: readEnd(stderr),
  };
}

function execArguments(crun: OciRuntime, request: ExecRequest, spec: string, consolePath: string): string[] {
  return [
    ...crun.options,
    ...['--log=/proc/self/fd/4', '--log-format=json', 'exec', `--process=${spec}`],
    '--pid-file=/proc/self/fd/3',
    ...(request.tty ? ['--tty', `--console-socket=${consolePath}`] : []),
    request.id,
  ];
}

/** crun holds the pipe for the process's id until it ends, so the end of the pipe is the end of crun. */
function reports(crunPid: number, pid: Socket, log: Socket): Pick<Launched, 'pid' | 'ended'> {
  const { promise, resolve } = Promise.withResolvers<string>();
  pid.once('data', (data) => resolve(String(data)));
  const gone = new Promise<void>((done) => pid.once('close', () => done()));
  void gone.then(() => resolve(''));
  const message = textOf(log).then(spoken);
  const ended = gone.then(async () => ({ exitCode: reap(crunPid), message: await message }));
  return { pid: promise, ended };
}

export async function textOf(stream: Readable): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += String(chunk);
  return all;
}

/** The message of a runtime's last log line. */
export function spoken(log: string): string {
  const parse: (text: string) => { msg?: string } = JSON.parse;
  try {
    return parse(log.trim().split('\n').at(-1) ?? '').msg ?? log;
  } catch {
    return log;
  }
}
