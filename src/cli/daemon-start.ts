import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, unavailable } from '#base/errors.ts';
import type { Context } from '#cli/context.ts';
import type { Client } from '#cli/client.ts';
import { hasSystemd, installUnit, launcher } from '#cli/host/systemd.ts';

const readyWithinMs = 30_000;

/**
 * Gives a client of a daemon that answers, starting one when none does: by systemd where that runs and the
 * settings are the machine's own, else detached, with a pid file and a log file. Says what it did.
 * @throws unavailable `daemon-start-failed` with the end of the daemon's log
 */
export async function ensureDaemon(context: Context): Promise<Client> {
  const client = await context.client();
  if (await client.ping()) return client;
  if (process.getuid?.() !== 0)
    throw unavailable(
      'daemon-unreachable',
      `no daemon answers on ${client.host}, and only root can start one`,
      {
        hint: 'run: sudo berth up, or sudo berth daemon',
      },
    );
  if (!client.host.startsWith('unix://'))
    throw unavailable('daemon-unreachable', `no daemon answers on ${client.host}`, {
      hint: 'start it there',
    });
  const isMachines = Object.keys(context.program.environment).every(
    (name) => !/^BERTH_(ROOT|RUN|HOST|CONFIG)$/.test(name),
  );
  if (isMachines && (await hasSystemd())) {
    const done = await installUnit();
    if (done !== undefined) context.output.note(done);
    await ready(client, undefined, () => Promise.resolve(''));
    return client;
  }
  await startDetached(context, client);
  return client;
}

async function startDetached(context: Context, client: Client): Promise<void> {
  const { settings } = await context.program.settings();
  const logFile = join(settings.root, 'daemon.log');
  const log = await openLog(logFile);
  const { size: before } = await log.stat();
  const child = spawn(launcher(), ['daemon'], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    cwd: '/',
  });
  const ended = once(child, 'exit').then(() => 'ended' as const);
  child.unref();
  await log.close();
  await ready(client, ended, () => said(logFile, before));
  context.output.note(`started the daemon (process ${child.pid ?? '?'}, log ${logFile})`);
}

async function openLog(path: string): Promise<FileHandle> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o711 });
    return await open(path, 'a', 0o640);
  } catch (error) {
    throw unavailable(
      'daemon-start-failed',
      `the daemon's log '${path}' cannot be written: ${messageOf(error)}`,
      {
        cause: error,
        hint: 'set root (or BERTH_ROOT) to a folder on a disk that can be written',
      },
    );
  }
}

// A daemon has no way to tell a stranger that it is ready but to answer, so its socket is asked.
async function ready(
  client: Client,
  ended: Promise<'ended'> | undefined,
  reason: () => Promise<string>,
): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  while (Date.now() < deadline) {
    if (await client.ping()) return;
    const next = delay(25).then(() => 'again' as const);
    if ((await Promise.race([next, ...(ended === undefined ? [] : [ended])])) === 'ended') break;
  }
  if (await client.ping()) return;
  throw unavailable(
    'daemon-start-failed',
    `the daemon did not become ready on ${client.host}${await reason()}`,
    {
      hint: "run 'berth daemon' in the foreground to see why, and 'berth doctor' to check the machine",
    },
  );
}

/** What the daemon wrote for a person since a place in its log: its last words, not its structured lines. */
async function said(logFile: string, from: number): Promise<string> {
  const bytes = await readFile(logFile).catch(() => Buffer.alloc(0));
  const lines = bytes.subarray(from).toString().split('\n');
  const words = lines.filter((line) => line !== '' && !line.startsWith('{')).slice(-3);
  return words.length === 0 ? `: see ${logFile}` : `:\n${words.join('\n')}`;
}
