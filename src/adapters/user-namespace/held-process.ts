import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { unavailable } from '#base/errors.ts';

/** Says that it has come so far, and ends when its input does. */
const script = 'echo ready; read -r line';

/**
 * Runs `use` while a process lives that some program made in new namespaces.
 * @param program as `['unshare', '--user']`: it runs the command that follows
 * @param descriptor becomes 3 in the process
 * @throws unavailable `user-namespace-failed`
 */
export async function withHeldProcess<T>(
  program: [string, ...string[]],
  descriptor: number | undefined,
  use: (pid: number) => T | Promise<T>,
): Promise<T> {
  const [command, ...args] = program;
  const child = spawn(command, [...args, 'sh', '-c', script], {
    stdio: ['pipe', 'pipe', 'pipe', ...(descriptor === undefined ? [] : [descriptor])],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  try {
    return await use(await ready(child, command));
  } finally {
    child.stdin?.end();
    await ended;
  }
}

async function ready(child: ChildProcess, command: string): Promise<number> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  const failed = new Promise<never>((_resolve, reject) => {
    const fail = (reason: string): void =>
      reject(
        unavailable('user-namespace-failed', `making a namespace by '${command}': ${reason}`, {
          hint: 'check that the kernel has user namespaces and that user.max_user_namespaces is not 0',
        }),
      );
    child.once('error', (error) => fail(error.message));
    child.once('close', (code) => fail(said.trim() || `it ended with ${String(code)}`));
  });
  const { stdout, pid } = child;
  if (stdout === null || pid === undefined) return failed;
  await Promise.race([once(stdout, 'data'), failed]);
  failed.catch(() => undefined);
  return pid;
}
