import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { messageOf } from '#base/errors.ts';
import { adopt, DescriptorInbox, pipe, setNonBlocking } from '#adapters/linux/descriptors.ts';
import type { ProcessSpec } from '#domain/container/runtime-spec.ts';
import type { ExecProcess } from '#ports/runtime.ts';
import { encode, type TaskFiles } from './bundle.ts';
import type { Crun } from './crun.ts';
import { runtimeFailure } from './failure.ts';
import { PipedExec } from './piped-exec.ts';
import { TerminalExec } from './terminal-exec.ts';

export interface ExecRequest {
  id: string;
  process: ProcessSpec;
  tty: boolean;
  stdin: boolean;
}

interface Reports {
  /** Ends with the process; holds its id as soon as it runs. */
  pid: Socket;
  /** crun's own errors, one JSON object a line. */
  log: Socket;
}

/**
 * Runs a process in a task by `crun exec`, which stays as its parent and ends with its exit code.
 * @throws as Runtime.exec
 */
export async function startExec(crun: Crun, files: TaskFiles, request: ExecRequest): Promise<ExecProcess> {
  const name = randomUUID();
  const spec = join(files.execs, `${name}.json`);
  const consolePath = join(files.execs, `${name}.tty`);
  const inbox = request.tty ? new DescriptorInbox(consolePath) : undefined;
  try {
    await writeFile(spec, encode(request.process), { mode: 0o600 });
    const console = inbox?.receive();
    const { child, reports } = launch(crun, request, spec, inbox === undefined ? undefined : consolePath);
    const ended = exitOf(child, reports);
    if (inbox !== undefined) void ended.then(() => inbox.stop());
    const pid = await processId(reports.pid, ended, request);
    const terminal = await console;
    return terminal === undefined ? new PipedExec(pid, child, ended) : new TerminalExec(pid, terminal, ended);
  } finally {
    await Promise.all([rm(spec, { force: true }), rm(consolePath, { force: true })]);
  }
}

function launch(
  crun: Crun,
  request: ExecRequest,
  spec: string,
  console: string | undefined,
): { child: ChildProcess; reports: Reports } {
  const [pid, log] = [pipe(), pipe()];
  try {
    const child = spawn(
      crun.program,
      [
        ...crun.options,
        ...['--log=/proc/self/fd/4', '--log-format=json', 'exec', `--process=${spec}`],
        '--pid-file=/proc/self/fd/3',
        ...(console === undefined ? [] : ['--tty', `--console-socket=${console}`]),
        request.id,
      ],
      {
        stdio: [
          request.stdin && console === undefined ? 'pipe' : 'ignore',
          console === undefined ? 'pipe' : 'ignore',
          console === undefined ? 'pipe' : 'ignore',
          pid.write,
          log.write,
        ],
        detached: true,
      },
    );
    return { child, reports: { pid: report(pid.read), log: report(log.read) } };
  } finally {
    closeSync(pid.write);
    closeSync(log.write);
  }
}

function report(fd: number): Socket {
  setNonBlocking(fd);
  const { socket } = adopt(fd);
  return socket.setEncoding('utf8');
}

/** How `crun exec` ended. */
export interface Ended {
  exitCode: number;
  /** What crun itself said; '' when nothing. */
  message: string;
}

async function exitOf(child: ChildProcess, reports: Reports): Promise<Ended> {
  const log = text(reports.log);
  const exited = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 255 : 137)));
  });
  return { exitCode: await exited, message: spoken(await log) };
}

async function text(stream: Readable): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += String(chunk);
  return all;
}

/** The message of crun's last log line. */
function spoken(log: string): string {
  const parse: (text: string) => { msg?: string } = JSON.parse;
  try {
    return parse(log.trim().split('\n').at(-1) ?? '').msg ?? log;
  } catch {
    return log;
  }
}

async function processId(socket: Socket, ended: Promise<Ended>, request: ExecRequest): Promise<number> {
  const number = await new Promise<string>((resolve) => {
    socket.once('data', (data) => resolve(String(data)));
    socket.once('end', () => resolve(''));
  });
  socket.destroy();
  if (number !== '') return Number(number);
  const executable = request.process.args[0] ?? '';
  const { message } = await ended.catch((error: unknown) => ({ message: messageOf(error) }));
  throw runtimeFailure('exec', executable, message);
}
