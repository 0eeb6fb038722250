import { closeSync } from 'node:fs';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { messageOf, unavailable } from '#base/errors.ts';
import { pipe, readEnd } from '#adapters/linux/descriptors.ts';
import { reap, spawnInSession } from '#adapters/linux/spawn.ts';

/** Says that it has come so far, and ends when its input does. */
const script = 'echo ready; read -r line';

export interface HeldProgram {
  /** Absolute path of a program that runs the command which follows its arguments. */
  path: string;
  args: string[];
  /** Becomes 3 in the process. */
  descriptor?: number;
}

/**
 * Runs `use` while a process lives that some program made in new namespaces.
 * @throws unavailable `user-namespace-failed`
 */
export async function withHeldProcess<T>(
  program: HeldProgram,
  use: (pid: number) => T | Promise<T>,
): Promise<T> {
  const { pid, input, output, errors } = launch(program);
  const ended = Promise.all([closed(output), closed(errors)]);
  try {
    let said = '';
    errors.setEncoding('utf8').on('data', (text: string) => (said += text));
    const isReady = await Promise.race([once(output, 'data').then(() => true), ended.then(() => false)]);
    if (!isReady) throw failed(program.path, said.trim());
    return await use(pid);
  } finally {
    closeSync(input);
    // Nobody but the process has the other ends, so they close as it ends.
    await ended;
    reap(pid);
  }
}

interface Launched {
  pid: number;
  /** The process ends when it is closed. */
  input: number;
  output: Socket;
  errors: Socket;
}

function launch({ path, args, descriptor }: HeldProgram): Launched {
  const [input, output, errors] = [pipe(), pipe(), pipe()];
  const theirs = [input.read, output.write, errors.write, ...(descriptor === undefined ? [] : [descriptor])];
  try {
    const env = { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin' };
    const pid = spawnInSession({
      ...{ path, env, cwd: '/', descriptors: theirs },
      args: [...args, '/bin/sh', '-c', script],
    });
    return { pid, input: input.write, output: readEnd(output.read), errors: readEnd(errors.read) };
  } catch (error) {
    for (const fd of [input.write, output.read, errors.read]) closeSync(fd);
    throw failed(path, messageOf(error));
  } finally {
    for (const fd of [input.read, output.write, errors.write]) closeSync(fd);
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

function failed(program: string, reason: string): Error {
  return unavailable('user-namespace-failed', `making a namespace by '${program}': ${reason}`, {
    hint: 'check that the kernel has user namespaces and that user.max_user_namespaces is not 0',
  });
}
