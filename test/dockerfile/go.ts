import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** Runs Go in the oracle's folder and gives its output. */
export async function must(args: string[]): Promise<string> {
  const { stdout } = await exec('go', args, {
    cwd: join(import.meta.dirname, 'oracle'),
    env: { ...process.env, PATH: [process.env['PATH'], '/usr/local/go/bin'].join(delimiter) },
  });
  return stdout;
}
