import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { HostAgent, HostAgents } from '#ports/host-agents.ts';
import { invalid, notFound, systemCode, unavailable } from '#base/errors.ts';

const run = promisify(execFile);

/** By OpenSSH's own `ssh-agent` and `ssh-add`, for keys that no agent has yet. */
export class SshHostAgents implements HostAgents {
  readonly #folder: string;
  #next = 0;

  /** `folder`: absolute, short, for sockets; what a crash left in it is removed. */
  constructor(folder: string) {
    this.#folder = folder;
    rmSync(folder, { recursive: true, force: true });
  }

  async open(paths: readonly string[]): Promise<HostAgent> {
    const [first = ''] = paths;
    const kinds = await Promise.all(paths.map(kindOf));
    if (kinds.length === 1 && kinds[0] === 'socket')
      return { connect: () => connect(first), close: () => Promise.resolve() };
    if (kinds.includes('socket'))
      throw invalid(
        'ssh-key-invalid',
        `an SSH agent is behind one socket, or holds keys: found ${paths.join(', ')}`,
      );
    return this.#holding(paths);
  }

  async #holding(keys: readonly string[]): Promise<HostAgent> {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const socket = join(this.#folder, String(this.#next++));
    const agent = await start(socket);
    try {
      for (const key of keys) await add(key, socket);
    } catch (error) {
      await agent.close();
      throw error;
    }
    return { connect: () => connect(socket), close: agent.close };
  }
}

/** @throws not-found `ssh-agent-missing` */
async function kindOf(path: string): Promise<'socket' | 'file'> {
  const found = await stat(path).catch((cause: unknown) => {
    throw notFound('ssh-agent-missing', `no SSH agent or key is at ${path}`, { cause });
  });
  return found.isSocket() ? 'socket' : 'file';
}

/** Tells its agent's number, and ends with the daemon: the agent ends with it then. */
const companion = 'echo "$SSH_AGENT_PID"; exec cat >/dev/null';

async function start(socket: string): Promise<{ close: () => Promise<void> }> {
  const child = spawn('ssh-agent', ['-a', socket, 'sh', '-c', companion], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = once(child, 'close').catch((cause: unknown) => {
    throw missing(cause);
  });
  const pid = await Promise.race([agentOf(child), ended.then(() => 0)]);
  if (pid === 0) {
    await ended;
    throw unavailable('ssh-missing', 'ssh-agent did not start');
  }
  const close = async (): Promise<void> => {
    end(pid);
    child.stdin.end();
    await ended;
    rmSync(socket, { force: true });
  };
  return { close };
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    // It has ended already.
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}

async function agentOf({ stdout }: ChildProcess): Promise<number> {
  if (stdout === null) return 0;
  for await (const line of createInterface(stdout)) return Number(line);
  return 0;
}

/** @throws invalid `ssh-key-invalid` */
async function add(key: string, socket: string): Promise<void> {
  // Without a terminal and a program to ask by: one with a passphrase is refused.
  const env = { PATH: process.env['PATH'], SSH_AUTH_SOCK: socket, SSH_ASKPASS_REQUIRE: 'never', LC_ALL: 'C' };
  try {
    const adding = run('ssh-add', [key], { env });
    adding.child.stdin?.end();
    await adding;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw missing(error);
    const words = `${key} is no SSH key that can be used; one with a passphrase has to be in an agent`;
    throw invalid('ssh-key-invalid', words, {
      cause: error,
      hint: 'ssh-add it, and give the agent (default)',
    });
  }
}

function missing(cause: unknown): Error {
  return unavailable(
    'ssh-missing',
    'holding SSH keys for a build needs ssh-agent, which this machine lacks',
    {
      cause,
      hint: 'apt-get install openssh-client',
    },
  );
}
