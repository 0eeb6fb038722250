import { randomUUID } from 'node:crypto';
import { closeSync, openSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '#base/errors.ts';
import { pipe, readEnd, setWindowSize } from '#adapters/linux/descriptors.ts';
import { openProcess, ProcessWatch } from '#adapters/linux/pidfd.ts';
import { reap, spawnInSession } from '#adapters/linux/spawn.ts';
import { openTerminal } from '#adapters/linux/terminal.ts';
import type { ExecProcess } from '#ports/runtime.ts';
import { encode, readIfThere, type TaskFiles } from './bundle.ts';
import { type Ended, endsOf, type ExecRequest, openStreams, pipesOf, spoken, textOf } from './exec.ts';
import { runtimeFailure } from './failure.ts';
import type { OciRuntime } from './oci-runtime.ts';
import { PipedExec } from './piped-exec.ts';
import { kill } from './processes.ts';
import { TerminalExec } from './terminal-exec.ts';

/**
 * Runs a process in a task by `runc exec`. runc differs from crun: it writes the process's id into a file only by renaming
 * it into place, and hands a terminal over only when it does not stay; so it gets one of the host's, which it joins to the
 * process's.
 * @throws as Runtime.exec
 */
export async function startRuncExec(
  runc: OciRuntime,
  files: TaskFiles,
  request: ExecRequest,
): Promise<ExecProcess> {
  const name = randomUUID();
  const [spec, pidFile] = [join(files.execs, `${name}.json`), join(files.execs, `${name}.pid`)];
  const written = fileAppears(files.execs, `${name}.pid`);
  try {
    writeFileSync(spec, encode(request.process), { mode: 0o600 });
    const launched = launch(runc, request, spec, pidFile);
    await Promise.race([written.there, launched.ended]);
    const pid = Number(readIfThere(pidFile) ?? 0);
    if (!(pid > 0)) {
      launched.release();
      const { message } = await launched.ended;
      throw runtimeFailure('exec', request.process.args[0] ?? '', message);
    }
    return launched.process(pid);
  } finally {
    written.stop();
    for (const path of [spec, pidFile]) rmSync(path, { force: true });
  }
}

interface Launched {
  ended: Promise<Ended>;
  process: (pid: number) => ExecProcess;
  /** Closes what nobody will read. */
  release: () => void;
}

function launch(runc: OciRuntime, request: ExecRequest, spec: string, pidFile: string): Launched {
  const log = pipe();
  const io = request.tty ? terminalIo(request.process) : pipedIo(request);
  try {
    const args = [
      ...runc.options,
      ...['--log=/proc/self/fd/3', '--log-format=json'],
      ...['exec', `--process=${spec}`, `--pid-file=${pidFile}`, request.id],
    ];
    const descriptors = [...io.theirs, log.write];
    const runcPid = spawnInSession({ path: runc.program, args, env: {}, cwd: '/', descriptors });
    const ended = endOf(runcPid, textOf(readEnd(log.read)));
    return { ended, process: (pid) => io.process(pid, ended, runcPid), release: io.release };
  } catch (error) {
    closeSync(log.read);
    io.release();
    throw runtimeFailure('exec', request.process.args[0] ?? '', messageOf(error));
  } finally {
    for (const fd of new Set([...io.theirs, log.write])) closeSync(fd);
  }
}

interface Io {
  /** What becomes 0 to 2 in runc. */
  theirs: number[];
  process: (pid: number, ended: Promise<Ended>, runcPid: number) => ExecProcess;
  release: () => void;
}

function pipedIo(request: ExecRequest): Io {
  const nowhere = openSync('/dev/null', 'r+');
  const { ours, theirs } = openStreams(request, nowhere);
  return {
    theirs,
    process: (pid, ended) => new PipedExec(pid, pipesOf(ours), ended),
    release: () => endsOf(ours).forEach((fd) => closeSync(fd)),
  };
}

function terminalIo({ consoleSize: size }: ExecRequest['process']): Io {
  const { controlling, inner } = openTerminal();
  // runc gives the process's terminal the size of its own.
  if (size !== undefined) setWindowSize(controlling, size.width, size.height);
  return {
    theirs: [inner, inner, inner],
    process: (pid, ended, runcPid) =>
      // Not its controlling terminal, so the kernel does not tell runc of a new size.
      new TerminalExec(pid, controlling, ended, () => void kill(runcPid, 'SIGWINCH')),
    release: () => closeSync(controlling),
  };
}

function endOf(pid: number, log: Promise<string>): Promise<Ended> {
  const gone = new Promise<void>((resolve) => {
    const handle = openProcess(pid);
    if (handle === undefined) {
      resolve();
      return;
    }
    const watched = new ProcessWatch(handle, () => {
      watched.close();
      resolve();
    });
  });
  return gone.then(async () => ({ exitCode: reap(pid), message: spoken(await log) }));
}

function fileAppears(folder: string, name: string): { there: Promise<void>; stop: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const watcher = watch(folder, (_event, changed) => {
    if (changed === name) resolve();
  });
  return { there: promise, stop: () => watcher.close() };
}
