import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { instanceOf, type Instance } from '#domain/instance.ts';
import { callApi, openApi, type ApiAnswer } from './api.ts';
import { busyboxTar } from './busybox.ts';
import { run, type RunOptions, type RunResult } from './docker.ts';
import { leaksOf, removeInstance, untilEnded } from './leaks.ts';

const program = new URL('../../src/main/berth.ts', import.meta.url).pathname;
const launcher = new URL('../../berth', import.meta.url).pathname;
// On a disk, as in real life: overlayfs and quotas behave differently on tmpfs. Short, for socket paths.
const scratch = '/var/tmp/b-';

export interface DaemonOptions {
  environment?: Record<string, string>;
}

/** A daemon of its own for one test file: `await using daemon = await startDaemon()`. */
export async function startDaemon(options: DaemonOptions = {}): Promise<TestDaemon> {
  const folder = await mkdtemp(scratch);
  await chmod(folder, 0o755);
  const daemon = new TestDaemon(folder, options.environment ?? {});
  try {
    await daemon.start();
  } catch (error) {
    await removeInstance(daemon.instance);
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return daemon;
}

export class TestDaemon implements AsyncDisposable {
  /** Everything of the daemon is below it; tests may put their own files into it. */
  readonly folder: string;
  readonly root: string;
  readonly run: string;
  readonly socket: string;
  readonly instance: Instance;
  readonly #environment: Record<string, string>;
  readonly #log: string[] = [];
  #process: ChildProcess | undefined;
  #lines: Interface | undefined;

  constructor(folder: string, environment: Record<string, string>) {
    this.folder = folder;
    this.root = join(folder, 'root');
    this.run = join(folder, 'run');
    this.socket = join(this.run, 'berth.sock');
    this.instance = instanceOf(this.root, this.run);
    this.#environment = environment;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get host(): string {
    return `unix://${this.socket}`;
  }

  /** For running the `berth` command or another client against this daemon. */
  get environment(): Record<string, string> {
    return {
      BERTH_ROOT: this.root,
      BERTH_RUN: this.run,
      BERTH_HOST: this.host,
      DOCKER_HOST: this.host,
      DOCKER_CONFIG: join(this.folder, 'docker'),
      // What users run: the joined sources.
      BERTH_DEV: '',
      ...this.#environment,
    };
  }

  /** The latest lines of the daemon's log. */
  get log(): string {
    return this.#log.join('\n');
  }

  /** @param berth the launcher of another checkout */
  async start(berth = launcher): Promise<void> {
    assert.equal(this.#process, undefined, 'the daemon runs already');
    const child = spawn(berth, ['daemon'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...this.environment },
    });
    this.#process = child;
    const lines = createInterface(child.stderr);
    this.#lines = lines;
    lines.once('close', () => {
      if (this.#lines === lines) this.#lines = undefined;
    });
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        this.#log.push(line);
        if (this.#log.length > 500) this.#log.shift();
        if (line.includes('"msg":"ready"')) resolve();
      });
      child.once('error', reject);
      child.once('close', (code, signal) => {
        if (this.#process === child) this.#process = undefined;
        reject(new Error(`the daemon ended (${String(code ?? signal)}) before it was ready:\n${this.log}`));
      });
    });
  }

  /** Waits for a line of the daemon's log that contains `text`, from now on. */
  async logged(text: string | RegExp): Promise<void> {
    const lines = this.#lines;
    assert.ok(lines !== undefined, 'the daemon does not run');
    for await (const [line] of on(lines, 'line', { close: ['close'] }))
      if (typeof text === 'string' ? String(line).includes(text) : text.test(String(line))) return;
    throw new Error(`the daemon ended before it logged '${text}':\n${this.log}`);
  }

  /** As `logged`, for a line that may have come before: what the daemon answers, it may have logged a moment later. */
  async told(pattern: RegExp): Promise<void> {
    if (!pattern.test(this.log)) await this.logged(pattern);
  }

  /** The real docker client: `docker('ps', '-a')`, `docker('load', { input })`. */
  docker(...words: (string | RunOptions)[]): Promise<RunResult> {
    const options = words.find((word) => typeof word !== 'string') ?? {};
    const args = words.filter((word) => typeof word === 'string');
    return run('docker', args, { ...options, environment: { ...this.environment, ...options.environment } });
  }

  /** As `docker`, but fails unless the client exits with 0. Gives stdout without its last newline. */
  async ok(...words: (string | RunOptions)[]): Promise<string> {
    const { code, stdout, stderr } = await this.docker(...words);
    const shown = words.filter((word) => typeof word === 'string').join(' ');
    assert.equal(
      code,
      0,
      `docker ${shown}: exit code ${code}\n${stderr}${stdout}\ndaemon's log:\n${this.log}`,
    );
    return stdout.replace(/\n$/, '');
  }

  /** What the `berth` command says, which must succeed. */
  async berthOk(...words: (string | RunOptions)[]): Promise<string> {
    const { code, stdout, stderr } = await this.berth(...words);
    const shown = words.filter((word) => typeof word === 'string').join(' ');
    assert.equal(code, 0, `berth ${shown}\n${stderr}${stdout}\ndaemon's log:\n${this.log}`);
    return stdout.trim();
  }

  /** The `berth` command against this daemon. */
  berth(...words: (string | RunOptions)[]): Promise<RunResult> {
    const options = words.find((word) => typeof word !== 'string') ?? {};
    const args = words.filter((word) => typeof word === 'string');
    const environment = { ...this.environment, ...options.environment };
    return run(process.execPath, [program, ...args], { ...options, environment });
  }

  api(method: string, path: string, body?: unknown): Promise<ApiAnswer> {
    return callApi(this.socket, method, path, body);
  }

  open(method: string, path: string, body?: unknown): ReturnType<typeof openApi> {
    return openApi(this.socket, method, path, body);
  }

  /** Bytes of memory that the daemon has in use. */
  async rss(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** Makes the image `busybox:latest` with the command `sh`. */
  async loadBusybox(): Promise<void> {
    const changes = ['CMD ["sh"]', 'ENV PATH=/bin:/usr/bin'].map(
      (change) => `&changes=${encodeURIComponent(change)}`,
    );
    const path = `/images/create?fromSrc=-&repo=busybox&tag=latest${changes.join('')}`;
    const answer = await this.api('POST', path, await busyboxTar());
    assert.equal(answer.status, 200, answer.text);
    assert.ok(!answer.text.includes('"error"'), answer.text);
  }

  /** Ends the daemon as a power cut would. */
  kill9(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Stops the daemon as systemd would; containers go on. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** Starts the daemon again, after stopping it when it runs. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Removes everything, and fails when something of a container is left on the machine. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clear();
    // Only then: through a mount that was left, files of the host would go.
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Each step is taken, and its failure told, also when one before it failed. */
  async #clear(): Promise<void> {
    await using steps = new AsyncDisposableStack();
    steps.defer(() => removeInstance(this.instance));
    steps.defer(async () => {
      await untilEnded(this.folder);
      const leaks = await leaksOf(this.instance, this.folder);
      assert.deepEqual(leaks, [], `the daemon left something behind; its log:\n${this.log}`);
    });
    steps.defer(() => this.stop());
    if (this.#process === undefined) await this.start();
    await this.#removeAll();
  }

  async #removeAll(): Promise<void> {
    // As long as an app is there, the daemon brings its containers back.
    for (const app of await this.#names('/berth/v1/apps', 'name'))
      await this.api('POST', `/berth/v1/apps/${app}/down`, { volumes: true, timeout: 0 });
    for (const id of await this.#names('/containers/json?all=1', 'Id'))
      await this.api('DELETE', `/containers/${id}?force=1&v=1`);
    for (const name of await this.#names('/networks', 'Name')) await this.api('DELETE', `/networks/${name}`);
    for (const name of await this.#names('/volumes', 'Name'))
      await this.api('DELETE', `/volumes/${name}?force=1`);
  }

  async #names(path: string, key: string): Promise<string[]> {
    const { text } = await this.api('GET', path);
    return [...text.matchAll(new RegExp(`"${key}":"([^"]+)"`, 'g'))].map((match) => match[1] ?? '');
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    const closed = once(child, 'exit');
    child.kill(signal);
    await closed;
    if (this.#process === child) this.#process = undefined;
  }
}
