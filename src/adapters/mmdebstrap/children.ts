import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { diskFull } from '#base/disk-full.ts';

export interface Child {
  /** Program and arguments. */
  command: string[];
  env?: Record<string, string>;
  signal: AbortSignal;
  /** Every line of stdout and stderr. */
  onLine?: (line: string) => void;
}

export interface Ended {
  exitCode: number;
  stdout: string;
  /** The last lines of both streams, for error messages. */
  tail: string;
}

const tailLines = 30;

/**
 * Runs a program to its end in a clean environment. It dies with the daemon, however that dies, so that
 * nothing writes below the root after the next start cleaned up.
 * @throws the signal's reason; the error of a program that cannot be started; unavailable `disk-full`
 */
export async function run(child: Child): Promise<Ended> {
  const started = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...child.command], {
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      LC_ALL: 'C.UTF-8',
      ...child.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: child.signal,
    killSignal: 'SIGKILL',
  });
  const stdout: string[] = [];
  const tail: string[] = [];
  const keep = (line: string): void => {
    tail.push(line);
    if (tail.length > tailLines) tail.shift();
    child.onLine?.(line);
  };
  createInterface({ input: started.stdout }).on('line', (line) => {
    stdout.push(line);
    keep(line);
  });
  createInterface({ input: started.stderr }).on('line', keep);
  const ended = Promise.withResolvers<number>();
  started.on('error', ended.reject);
  started.on('close', (code) => ended.resolve(code ?? 137));
  const exitCode = await ended.promise;
  const said = tail.join('\n');
  if (exitCode !== 0 && said.includes('No space left on device'))
    throw diskFull(`${child.command[0] ?? ''} of a base image`, new Error(said));
  return { exitCode, stdout: stdout.join('\n'), tail: said };
}
