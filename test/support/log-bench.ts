import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileLogStore } from '#adapters/logs/file-log-store.ts';
import type { LogEntry, LogQuery } from '#ports/log-store.ts';

export const all: LogQuery = { stdout: true, stderr: true };

/** One log, and what conmon does with it. */
export class LogBench implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'berth-logs-'));
  readonly store = new FileLogStore(this.folder);
  #second = 0;

  static async make(): Promise<LogBench> {
    const made = new LogBench();
    await made.store.prepare('c');
    return made;
  }

  /** Writes as conmon does; a text without a newline is a part. */
  write(text: string, stream = 'stdout'): void {
    const second = String(this.#second++).padStart(2, '0');
    const heading = `2026-01-01T00:00:${second}.000000001+00:00 ${stream}`;
    appendFileSync(
      this.store.path('c'),
      text.endsWith('\n') ? `${heading} F ${text}` : `${heading} P ${text}\n`,
    );
  }

  async read(query: Partial<LogQuery> = {}): Promise<string[]> {
    const entries = await collect(this.store.read('c', { ...all, ...query }));
    return entries.map(({ stream, data }) => `${stream === 'stderr' ? '!' : ''}${data.toString()}`);
  }

  /** As conmon begins a new file, told or by itself. */
  begin(): void {
    const path = this.store.path('c');
    writeFileSync(`${path}.tmp`, '');
    renameSync(`${path}.tmp`, path);
  }

  /** Two looks: at the first the monitor is told, at the second it has done so. */
  async rotate(maxFiles = 3): Promise<boolean> {
    const isTold = await this.look(maxFiles);
    if (isTold) assert.equal(await this.look(maxFiles), false);
    return isTold;
  }

  look(maxFiles = 3, maxBytes = 10): Promise<boolean> {
    return this.store.rotate('c', { maxBytes, maxFiles }, () => {
      this.begin();
      return Promise.resolve();
    });
  }

  /** Names of the files that hold something. */
  files(): string[] {
    return readdirSync(join(this.folder, 'c'))
      .filter((name) => statSync(join(this.folder, 'c', name)).size > 0)
      .sort();
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function collect(entries: AsyncIterable<LogEntry>): Promise<LogEntry[]> {
  const list: LogEntry[] = [];
  for await (const entry of entries) list.push(entry);
  return list;
}
