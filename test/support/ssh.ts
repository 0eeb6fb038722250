import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { run } from './docker.ts';

export interface SshKey {
  /** Of the private key. */
  path: string;
  /** `SHA256:...`, as `ssh-add -l` tells it. */
  fingerprint: string;
}

/** A new key in a file of this folder. */
export async function makeKey(folder: string, name: string, passphrase = ''): Promise<SshKey> {
  const path = join(folder, name);
  await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', name, '-f', path]);
  const { stdout } = await must('ssh-keygen', ['-l', '-f', `${path}.pub`]);
  return { path, fingerprint: stdout.split(' ')[1] ?? '' };
}

export interface TestAgent extends AsyncDisposable {
  socket: string;
}

/** An ssh-agent of the test's own, with these keys. */
export async function startAgent(folder: string, keys: readonly SshKey[]): Promise<TestAgent> {
  const socket = join(folder, 'agent.sock');
  const child = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  // It tells its socket when it listens.
  await once(createInterface(child.stdout), 'line');
  for (const { path } of keys)
    await must('ssh-add', ['-q', path], { environment: { SSH_AUTH_SOCK: socket } });
  return {
    socket,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await ended;
    },
  };
}

/** Copies a program of this machine with the libraries that it needs to the same places below a folder. */
export async function copyProgram(program: string, folder: string): Promise<void> {
  const { stdout } = await must('ldd', [program]);
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
  for (const path of [program, ...libraries]) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await copyFile(path, join(folder, path));
  }
  assert.ok((await readFile(join(folder, program))).length > 0);
}

async function must(...[program, args, options]: Parameters<typeof run>): ReturnType<typeof run> {
  const ended = await run(program, args, options);
  assert.equal(ended.code, 0, `${program} ${args.join(' ')}: ${ended.stderr}`);
  return ended;
}
