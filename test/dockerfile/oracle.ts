import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { must } from './go.ts';

/** What the oracle says: `error` where BuildKit refuses. */
export type Answer = Record<string, unknown>;

/** `kind` is one of the table in oracle/main.go. */
export interface Question extends Record<string, unknown> {
  kind: string;
  text: string;
}

const parse: (text: string) => Answer = JSON.parse;

/** BuildKit's own parser, lexer, linter and pattern matcher behind a pipe; built once by Go, from its module proxy. */
export class Oracle implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting: ((answer: Answer) => void)[] = [];

  static async start(): Promise<Oracle> {
    const folder = join(homedir(), '.cache', 'berth', 'dockerfile-oracle');
    await mkdir(folder, { recursive: true });
    const binary = join(folder, 'oracle');
    await must(['build', '-o', binary, '.']);
    return new Oracle(binary);
  }

  private constructor(binary: string) {
    this.#child = spawn(binary, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface(this.#child.stdout).on('line', (line) => this.#waiting.shift()?.(parse(line)));
  }

  ask(question: Question): Promise<Answer> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.stdin.end();
    await gone;
  }
}
