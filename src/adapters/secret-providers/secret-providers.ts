import { spawn } from 'node:child_process';
import { messageOf, systemCode, unavailable } from '#base/errors.ts';
import type { ExecProvider, VaultProvider } from '#domain/secret/provider.ts';
import type { SecretProviders } from '#ports/secret-providers.ts';
import { readVault } from './vault.ts';

/** Bytes that an answer may have. */
const largest = 1024 * 1024;

export class HostSecretProviders implements SecretProviders {
  async exec({ command, timeout }: ExecProvider): Promise<Uint8Array> {
    const [program = '', ...args] = command;
    try {
      return withoutNewline(await printed(program, args, timeout * 1000));
    } catch (error) {
      throw failed(`the program '${program}'`, messageOf(error));
    }
  }

  async vault(provider: Omit<VaultProvider, 'token'>, token: string): Promise<Uint8Array> {
    try {
      return await readVault(provider, token);
    } catch (error) {
      throw failed(`'${provider.path}' of ${provider.url}`, messageOf(error));
    }
  }
}

/** What a program prints to its standard output; its errors are not read, they may quote the value. */
function printed(program: string, args: string[], timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // A group of its own, so that what it started ends with it.
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
    const chunks: Buffer[] = [];
    let size = 0;
    let problem: string | undefined;
    const end = (why: string): void => {
      problem ??= why;
      if (child.pid !== undefined) killGroup(child.pid);
      // Who left the group may hold the pipe open for ever.
      child.stdout.destroy();
    };
    const timer = setTimeout(() => end(`it did not end within ${timeoutMs / 1000} s`), timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > largest) end(`it printed more than ${largest} bytes`);
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (problem !== undefined) reject(new Error(problem));
      else if (code === 0) resolve(Buffer.concat(chunks));
      else reject(new Error(signal === null ? `it ended with ${code}` : `it was ended by ${signal}`));
    });
  });
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}

/** Programs end their output with one. */
function withoutNewline(output: Buffer): Buffer {
  return output.at(-1) === 0x0a ? output.subarray(0, -1) : output;
}

function failed(source: string, problem: string): Error {
  return unavailable('secret-provider-failed', `no value can be had from ${source}: ${problem}`);
}
