import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { TestDaemon } from '../support/daemon.ts';
import { Checks, type Outcome } from './checks.ts';
import { linkPlugin, npmClients, pythonWithDocker } from './install.ts';

// Clients that are libraries: a program uses each in its own language and prints an outcome a line, as JSON.

export async function checkDockerode(daemon: TestDaemon): Promise<Checks> {
  const modules = await npmClients();
  const checks = new Checks('dockerode', await npmVersion(modules, 'dockerode'));
  return outcomesOf(checks, daemon, process.execPath, ['dockerode.js', modules]);
}

/** Ryuk, which removes what is left of a crashed test, is an image of a registry: it is switched off. */
export async function checkTestcontainers(daemon: TestDaemon): Promise<Checks> {
  const modules = await npmClients();
  const checks = new Checks('testcontainers', await npmVersion(modules, 'testcontainers'));
  await linkPlugin(daemon, 'docker-compose');
  return outcomesOf(checks, daemon, process.execPath, ['testcontainers.js', modules], {
    TESTCONTAINERS_RYUK_DISABLED: 'true',
  });
}

export async function checkDockerPy(daemon: TestDaemon): Promise<Checks> {
  const python = await pythonWithDocker();
  const requirements = await readFile(new URL('python/requirements.txt', import.meta.url), 'utf8');
  const version = /^docker==(\S+)$/m.exec(requirements)?.[1] ?? '';
  return outcomesOf(new Checks('docker-py', version), daemon, python, ['docker_py.py']);
}

export async function npmVersion(modules: string, name: string): Promise<string> {
  const parse: (text: string) => { version: string } = JSON.parse;
  return parse(await readFile(join(modules, 'node_modules', name, 'package.json'), 'utf8')).version;
}

async function outcomesOf(
  checks: Checks,
  daemon: TestDaemon,
  program: string,
  [file = '', ...args]: string[],
  environment: Record<string, string> = {},
): Promise<Checks> {
  const script = new URL(`programs/${file}`, import.meta.url).pathname;
  const child = spawn(program, [script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...daemon.environment, ...environment },
  });
  const closed = once(child, 'close');
  const said = text(child.stderr);
  const parse: (line: string) => Outcome = JSON.parse;
  for await (const line of createInterface(child.stdout)) checks.add(parse(line));
  await closed;
  if (child.exitCode !== 0) checks.add({ check: 'the program ends', error: await said });
  return checks;
}
