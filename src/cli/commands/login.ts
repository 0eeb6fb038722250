import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { invalid } from '#base/errors.ts';
import type { LoginAnswer, RegistryCredentials } from '#api/types/registries.ts';
import type { Context } from '#cli/context.ts';
import { ensureDaemon } from '#cli/daemon-start.ts';
import { DockerConfig } from '#cli/registry/docker-config.ts';
import { keyOf, registryOf } from '#cli/registry/server-names.ts';

export interface LoginOptions {
  username?: string;
  passwordStdin?: true;
}

/** `berth login`: the password never is an argument, which others on the machine could read. */
export async function login(context: Context, server: string, options: LoginOptions): Promise<void> {
  const registry = registryOf(server);
  const config = await DockerConfig.read(context.program.environment);
  const given = await ask(options);
  const client = await ensureDaemon(context);
  const answer = await client.json<LoginAnswer>({
    method: 'POST',
    path: '/auth',
    body: { ...given, serveraddress: keyOf(registry) },
  });
  const token = answer.IdentityToken ?? '';
  const kept: RegistryCredentials = token === '' ? given : { username: given.username, identitytoken: token };
  const helper = await config.store(registry, kept);
  const { output } = context;
  if (helper === undefined)
    output.note(
      `The credentials are in ${config.path}, not encrypted; a credential helper (credsStore) keeps them better.`,
    );
  output.json({ registry, status: answer.Status });
  output.print(answer.Status);
}

/** `berth logout`. */
export async function logout(context: Context, server: string): Promise<void> {
  const registry = registryOf(server);
  const config = await DockerConfig.read(context.program.environment);
  const wasKnown = await config.erase(registry);
  context.output.json({ registry, removed: wasKnown });
  context.output.print(
    wasKnown ? `The credentials for ${registry} are gone` : `Not logged in to ${registry}`,
  );
}

async function ask(options: LoginOptions): Promise<{ username: string; password: string }> {
  if (options.passwordStdin === true) {
    if (options.username === undefined)
      throw invalid('username-missing', 'found --password-stdin alone; required is --username too');
    const text = (await buffer(process.stdin)).toString('utf8').replace(/\r?\n$/, '');
    if (text === '') throw invalid('password-missing', 'standard input holds no password');
    return { username: options.username, password: text };
  }
  if (!process.stdin.isTTY)
    throw invalid('password-missing', 'there is no terminal to ask for the password on', {
      hint: 'give it by standard input, with --username and --password-stdin',
    });
  const username = options.username ?? (await line('Username: ', true));
  return { username, password: await line('Password: ', false) };
}

/** A line from the terminal. @param shown what is typed shows */
async function line(question: string, shown: boolean): Promise<string> {
  process.stderr.write(question);
  const output = shown ? process.stderr : new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    if (!shown) process.stderr.write('\n');
  }
}
