import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

export interface RunOptions {
  /** What the program reads from stdin; absent: nothing. */
  input?: string | Buffer;
  environment?: Record<string, string>;
  cwd?: string;
  /** Ends the program when it aborts. */
  signal?: AbortSignal;
}

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. A program that a signal ended has the code 128. */
export async function run(program: string, args: string[], options: RunOptions = {}): Promise<RunResult> {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  options.signal?.addEventListener('abort', () => child.kill());
  // A program may end without having read its input.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input);
  const closed = once(child, 'close');
  const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  await closed;
  return { code: child.exitCode ?? 128, stdout, stderr };
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'close');
  return Buffer.concat(chunks).toString();
}
