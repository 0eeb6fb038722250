import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { HostProcesses } from '#ports/host-processes.ts';
import { invalid, messageOf } from '#base/errors.ts';
import { inboundConnections } from './connections.ts';

const run = promisify(execFile);
const mostOutput = 16 * 1024 * 1024;
/** /proc/stat counts in ticks of USER_HZ, which is 100 on every Linux. */
const nanosPerTick = 10_000_000;

/** The machine's own ps and /proc. */
export class LinuxProcesses implements HostProcesses {
  async list(pids: number[], psArguments: string[]): Promise<{ titles: string[]; processes: string[][] }> {
    if (pids.length === 0) return { titles: await this.#titles(psArguments), processes: [] };
    const lines = await ps(psArguments);
    const titles = fields(lines[0] ?? '', Infinity);
    const column = titles.indexOf('PID');
    if (column < 0) throw invalid('ps-failed', "Couldn't find PID field in ps output");
    const wanted = new Set(pids.map(String));
    const processes = lines.slice(1).map((line) => fields(line, titles.length));
    return { titles, processes: processes.filter((row) => wanted.has(row[column] ?? '')) };
  }

  cpu(): { systemNanos: number; onlineCpus: number } {
    const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
    // user, nice, system, idle, iowait, irq, softirq, steal; guest times are part of user.
    const ticks = line.split(/\s+/).slice(1, 9).map(Number);
    const sum = ticks.reduce((total, each) => total + each, 0);
    return { systemNanos: sum * nanosPerTick, onlineCpus: availableParallelism() };
  }

  inboundConnections(pid: number): number {
    return inboundConnections(pid);
  }

  memory(): number {
    return totalmem();
  }

  async #titles(psArguments: string[]): Promise<string[]> {
    return fields((await ps(psArguments))[0] ?? '', Infinity);
  }
}

async function ps(args: string[]): Promise<string[]> {
  try {
    const { stdout } = await run('ps', args, { maxBuffer: mostOutput });
    return stdout.split('\n').filter((line) => line !== '');
  } catch (error) {
    throw invalid('ps-failed', `ps: ${reasonOf(error)}`, { cause: error });
  }
}

/** The first thing that ps said; all its usage follows that. */
function reasonOf(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return (said || messageOf(error)).split('\n')[0] ?? '';
}

/** Columns of a line; the last one keeps its blanks. */
function fields(line: string, count: number): string[] {
  const words = line.trim().split(/\s+/);
  if (words.length <= count) return words;
  return [...words.slice(0, count - 1), words.slice(count - 1).join(' ')];
}
