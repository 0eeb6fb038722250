import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { TestDaemon } from './daemon.ts';

/** What a constant load met. */
export interface LoadCount {
  /** Answers that came whole, of any status. */
  answers: number;
  /** Answers with another status than 2xx or 3xx. */
  refused: number;
  /** Connections that could not be made, and those that ended or broke within a request. */
  connect: number;
  read: number;
  write: number;
  /** Requests without an answer within 10 seconds. */
  timeout: number;
}

export interface LoadOptions {
  url: string;
  connections: number;
  host?: string;
  /** One connection for each request, instead of the same ones all the time. */
  closes?: boolean;
}

const program = (options: LoadOptions): string[] => [
  ...['wrk', '-t1', `-c${options.connections}`, '-d1h', '--timeout', '10s'],
  ...(options.host === undefined ? [] : ['-H', `Host: ${options.host}`]),
  ...(options.closes === true ? ['-H', 'Connection: close'] : []),
  options.url,
];

/** A wrk that asks until it is told to stop. */
export interface Load {
  stop: () => Promise<LoadCount>;
}

/** Asks from the host. */
export function loadFromHost(options: LoadOptions): Load {
  const [name = '', ...words] = program(options);
  const child = spawn(name, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = Promise.all([text(child.stdout), text(child.stderr)]);
  return {
    stop: async () => {
      await interrupt(child);
      return countOf((await said).join(''));
    },
  };
}

/** Asks from a container that runs and has wrk, so that its names and networks hold. */
export async function loadFromContainer(
  daemon: TestDaemon,
  network: string,
  image: string,
  options: LoadOptions,
): Promise<Load> {
  const id = await daemon.ok('run', '-d', '--network', network, '--user', 'app', image, ...program(options));
  return {
    stop: async () => {
      await daemon.ok('kill', '-s', 'INT', id);
      await daemon.ok('wait', id);
      const { stdout, stderr } = await daemon.docker('logs', id);
      await daemon.ok('rm', id);
      return countOf(stdout + stderr);
    },
  };
}

async function interrupt(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  await ended;
}

/** Reads wrk's report. */
function countOf(report: string): LoadCount {
  const number = (pattern: RegExp): number => Number(pattern.exec(report)?.[1] ?? 0);
  assert.match(report, /\d+ requests in /, `wrk did not run: ${report}`);
  return {
    answers: number(/(\d+) requests in /),
    refused: number(/Non-2xx or 3xx responses: (\d+)/),
    connect: number(/connect (\d+)/),
    read: number(/read (\d+)/),
    write: number(/write (\d+)/),
    timeout: number(/timeout (\d+)/),
  };
}

/** How many requests failed. */
export function failuresOf(count: LoadCount): number {
  return count.refused + count.connect + count.read + count.write + count.timeout;
}
