import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Result {
  /** 127 when the program is not there. */
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program of the host to its end, without a shell. */
export async function command(program: string, args: string[], input = ''): Promise<Result> {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  const result: Result = { code: 127, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (result.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (result.stderr += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  try {
    await once(child, 'close');
    result.code = child.exitCode ?? 128;
  } catch (error) {
    result.stderr = String(error);
  }
  return result;
}

/** Runs a program with its output on ours, for long steps that a person watches. Gives the exit code. */
export async function visibly(
  program: string,
  args: string[],
  environment: Record<string, string>,
): Promise<number> {
  const child = spawn(program, args, { stdio: ['ignore', 2, 2], env: { ...process.env, ...environment } });
  await once(child, 'close');
  return child.exitCode ?? 128;
}
