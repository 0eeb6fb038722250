import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Ran {
  /** Milliseconds from spawn to exit. */
  ms: number;
  stdout: string;
}

/** Runs a program to its end. @throws with what it said when it fails: a failed run is no measurement */
export async function timed(command: string[], env: Record<string, string> = {}): Promise<Ran> {
  const [program = '', ...args] = command;
  const output: Buffer[] = [];
  const begun = performance.now();
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.on('data', (data: Buffer) => output.push(data));
  child.stderr.on('data', (data: Buffer) => output.push(data));
  const exited = Promise.withResolvers<number>();
  child.once('exit', () => exited.resolve(performance.now() - begun));
  await once(child, 'close');
  const ms = await exited.promise;
  const stdout = Buffer.concat(output).toString();
  if (child.exitCode !== 0)
    throw new Error(`${command.join(' ')} ended with ${child.exitCode ?? 'a signal'}: ${stdout}`);
  return { ms, stdout };
}

/** The value below which the share `q` of the values lies, by nearest rank. */
export function quantile(values: number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1));
  return sorted[at] ?? Number.NaN;
}

export const median = (values: number[]): number => quantile(values, 0.5);
