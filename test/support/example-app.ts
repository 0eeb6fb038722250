import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestDaemon } from './daemon.ts';
import type { RunResult } from './docker.ts';

const examples = new URL('../../examples/', import.meta.url).pathname;
const patienceMs = 30_000;

/** A copy of one of the examples, run by a daemon; tests may edit its files. */
export class ExampleApp {
  readonly name: string;
  readonly folder: string;
  readonly #daemon: TestDaemon;
  readonly #environment: Record<string, string>;

  constructor(daemon: TestDaemon, name: string, environment: Record<string, string>) {
    this.name = name;
    this.folder = join(daemon.folder, 'examples', name);
    this.#daemon = daemon;
    this.#environment = environment;
  }

  /** @param environment what the compose file asks for */
  static async copy(
    daemon: TestDaemon,
    name: string,
    environment: Record<string, string> = {},
  ): Promise<ExampleApp> {
    const app = new ExampleApp(daemon, name, environment);
    await cp(join(examples, name), app.folder, { recursive: true });
    return app;
  }

  /** The `berth` command in the app's folder; it has to end with 0. */
  async berth(...words: string[]): Promise<RunResult> {
    const result = await this.try(...words);
    assert.equal(
      result.code,
      0,
      `berth ${words.join(' ')}\n${result.stderr}${result.stdout}\n${this.#daemon.log}`,
    );
    return result;
  }

  /** As `berth`, whatever the exit code. */
  try(...words: string[]): Promise<RunResult> {
    return this.#daemon.berth(...words, { cwd: this.folder, environment: this.#environment });
  }

  /** Puts a file into the copy. */
  write(path: string, text: string): Promise<void> {
    return writeFile(join(this.folder, path), text, { mode: 0o644 });
  }

  /** Replaces a text that is there. */
  async edit(path: string, from: string, to: string): Promise<void> {
    const text = await readFile(join(this.folder, path), 'utf8');
    assert.ok(text.includes(from), `${path} lacks '${from}'`);
    await this.write(path, text.replaceAll(from, to));
  }

  /** Ids of its containers that run, of one service or of all. */
  async running(service?: string): Promise<string[]> {
    const filters = ['--filter', `label=com.docker.compose.project=${this.name}`];
    if (service !== undefined) filters.push('--filter', `label=com.docker.compose.service=${service}`);
    const ids = await this.#daemon.ok('ps', '-q', ...filters);
    return ids.split('\n').filter((id) => id !== '');
  }

  /** What production asks of all its containers: no root, no capabilities, nothing to write to, limits. */
  async isLockedDown(): Promise<void> {
    const format =
      '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{json .HostConfig.CapDrop}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}';
    for (const id of await this.running()) {
      const shown = await this.#daemon.ok('inspect', '-f', format, id);
      assert.match(shown, /^(?!root|0)\S+ true \["ALL"\] [1-9]\d+ [1-9]\d+$/);
    }
  }

  /** Takes it down with its data and sees that nothing is left of it. */
  async takeDown(): Promise<void> {
    await this.berth('down', '--volumes');
    const mine = ['--filter', `label=com.docker.compose.project=${this.name}`];
    assert.equal(await this.#daemon.ok('ps', '-aq', ...mine), '');
    assert.equal(await this.#daemon.ok('network', 'ls', '-q', ...mine), '');
    assert.equal(await this.#daemon.ok('volume', 'ls', '-q', ...mine), '');
  }
}

/** Looks until `wanted` holds. @throws with the last value after half a minute */
export async function until<T>(look: () => Promise<T> | T, wanted: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const value = await look();
    if (wanted(value)) return value;
    assert.ok(Date.now() < deadline, `not reached: ${JSON.stringify(value)}`);
    await sleep(50);
  }
}
