import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { messageOf, systemCode, unavailable, type BerthError } from '#base/errors.ts';
import { HeldSockets } from './held-sockets.ts';
import type { HaproxyPaths } from './paths.ts';
import { ask } from './runtime-api.ts';

/** How long a start or a reload may take before it counts as failed. */
const patienceMs = 15_000;
const lookMs = 5;

export interface ProcessOptions {
  paths: HaproxyPaths;
  program: string;
  /** File for access logs. */
  log: string;
  /** It ended without being told to. */
  onEnd: () => void;
}

interface Workers {
  current: number | undefined;
  failedReloads: number;
}

/** One HAProxy in master-worker mode. It is no child that ends with the daemon, and any daemon can take it over. */
export class HaproxyProcess {
  readonly #options: ProcessOptions;
  #pid: number | undefined;
  #watch: Socket | undefined;
  readonly #sockets = new HeldSockets();

  constructor(options: ProcessOptions) {
    this.#options = options;
  }

  get runs(): boolean {
    return this.#pid !== undefined;
  }

  /** Whether it listens, or while it is gone its sockets are kept for the next one. */
  get listens(): boolean {
    return this.runs || this.#sockets.holds;
  }

  /** Takes over the one that an earlier daemon started. Gives whether there is one. */
  async adopt(): Promise<boolean> {
    const { paths } = this.#options;
    // Its files are there for as long as it may run.
    if (!existsSync(paths.config)) return false;
    const pid = Number(await readFile(paths.pid, 'utf8').catch(() => '0'));
    const { current } = this.#isOurs(pid) ? await this.#workers() : nobody;
    const isThere = current !== undefined;
    if (isThere) {
      this.#pid = pid;
      this.#sockets.take(current);
      await this.#keepWatch();
    } else await this.#endAll();
    return isThere;
  }

  /** What waited for the one before goes to this one. @throws unavailable `balancer-failed` with what HAProxy says */
  async start(): Promise<void> {
    await this.#endAll();
    const { master, pid, handover } = this.#options.paths;
    for (const path of [master, pid]) await rm(path, { force: true });
    if (this.#sockets.holds) await this.#sockets.during(handover, () => this.#spawn(['-x', handover]));
    else await this.#spawn([]);
  }

  async #spawn(more: string[]): Promise<void> {
    const { paths, program, log } = this.#options;
    const [out, messages] = [openSync(log, 'a', 0o640), openSync(paths.messages, 'w', 0o640)];
    const args = ['-W', '-f', paths.config, '-p', paths.pid, '-S', `${paths.master},mode,600`, ...more];
    const child = spawn(program, args, { detached: true, stdio: ['ignore', out, messages] });
    closeSync(out);
    closeSync(messages);
    const ended = new AbortController();
    child.once('error', (error) => ended.abort(error));
    child.once('exit', () => ended.abort(new Error('it ended')));
    child.unref();
    try {
      const { current = 0 } = await this.#until((now) => now.current !== undefined, ended.signal);
      this.#sockets.take(current);
    } catch (error) {
      const failure = await this.#failure('start', error);
      await this.#endAll();
      throw failure;
    }
    this.#pid = child.pid;
    await this.#keepWatch();
  }

  /** The new process takes the listening sockets over from the old one, which ends with its last connection. */
  async reload(): Promise<void> {
    const pid = this.#pid;
    if (pid === undefined) throw unavailable('balancer-failed', 'HAProxy does not run');
    const before = await this.#workers();
    this.#letGo();
    try {
      process.kill(pid, 'SIGUSR2');
      const after = await this.#until(
        (now) =>
          now.failedReloads > before.failedReloads ||
          (now.current !== undefined && now.current !== before.current),
      );
      if (after.failedReloads > before.failedReloads) throw new Error('the new configuration was refused');
      this.#sockets.take(after.current ?? 0);
    } catch (error) {
      throw await this.#failure('reload', error);
    } finally {
      await this.#keepWatch();
    }
  }

  /** Ends it with its connections. */
  async stop(): Promise<void> {
    this.#pid = undefined;
    this.#letGo();
    await this.#endAll();
    this.#sockets.release();
  }

  /** The process that serves now. */
  async worker(): Promise<number | undefined> {
    return (await this.#workers()).current;
  }

  close(): void {
    this.#letGo();
    this.#sockets.release();
  }

  // The master closes its sockets when it ends, and for a moment when it is made anew by a reload.
  async #keepWatch(): Promise<void> {
    const watch = connect(this.#options.paths.master);
    try {
      await once(watch, 'connect');
    } catch {
      await this.#lost();
      return;
    }
    this.#watch = watch;
    watch.resume();
    watch.unref();
    watch.once('error', () => watch.destroy());
    watch.once('close', () => {
      if (this.#watch === watch) void this.#lost();
    });
  }

  async #lost(): Promise<void> {
    const pid = this.#pid;
    if (pid === undefined) return;
    if (this.#isOurs(pid)) {
      await setTimeout(lookMs);
      await this.#keepWatch();
      return;
    }
    this.#pid = undefined;
    this.#watch = undefined;
    this.#options.onEnd();
  }

  #letGo(): void {
    const watch = this.#watch;
    this.#watch = undefined;
    watch?.destroy();
  }

  async #until(done: (workers: Workers) => boolean, signal?: AbortSignal): Promise<Workers> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      signal?.throwIfAborted();
      const workers = await this.#workers(signal);
      if (done(workers)) return workers;
      if (performance.now() > deadline) throw new Error(`it did not answer within ${patienceMs / 1000} s`);
      await setTimeout(lookMs);
    }
  }

  async #workers(signal?: AbortSignal): Promise<Workers> {
    try {
      return parseWorkers(await ask(this.#options.paths.master, 'show proc', signal));
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      return nobody;
    }
  }

  async #failure(verb: string, error: unknown): Promise<BerthError> {
    const said = await readFile(this.#options.paths.messages, 'utf8').catch(() => '');
    const alerts = said.split('\n').filter((line) => line.includes('[ALERT]'));
    const shown = alerts.slice(-5).join('\n') || said.split('\n').slice(-5).join('\n');
    return unavailable(
      'balancer-failed',
      `cannot ${verb} HAProxy: ${messageOf(error)}${shown === '' ? '' : `:\n${shown}`}`,
      { cause: error },
    );
  }

  #isOurs(pid: number): boolean {
    // A zombie has no arguments; an editor may have the configuration among its own.
    const [program, ...others] = argumentsOf(pid);
    return program === this.#options.program && others.includes(this.#options.paths.config);
  }

  /** The master with all workers, also those of before a reload, and those whose master is gone. */
  async #endAll(): Promise<void> {
    // In one go: a file of /proc takes 16 us so, and fifteen times as long through the pool of threads.
    const pids = readdirSync('/proc').map(Number);
    let left = pids.filter((pid) => pid > 0 && this.#isOurs(pid));
    for (const name of ['SIGTERM', 'SIGKILL'] as const) {
      for (const pid of left) signal(pid, name);
      const deadline = performance.now() + patienceMs;
      while (left.length > 0 && performance.now() < deadline) {
        await setTimeout(lookMs);
        left = left.filter((pid) => this.#isOurs(pid));
      }
    }
  }
}

const nobody: Workers = { current: undefined, failedReloads: 0 };

/** `show proc` of the master: PID, type, reloads ... in sections. */
function parseWorkers(text: string): Workers {
  const [, failed = '0'] = /\[failed: (\d+)\]/.exec(text) ?? [];
  const [, section = ''] = /^# workers\n([^#]*)/m.exec(text) ?? [];
  const [, pid] = /^(\d+)\s+worker/m.exec(section) ?? [];
  return { current: pid === undefined ? undefined : Number(pid), failedReloads: Number(failed) };
}

/** Empty for one that is gone. */
function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}
