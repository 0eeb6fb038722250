import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { routes } from '../api/all-routes.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { requestOf, type MadeUp } from './api-requests.ts';

/** How many requests each route gets; `npm run fuzz` asks for many more than `npm test`. */
const runs = Number(process.env['BERTH_FUZZ_RUNS'] ?? 8);
/** An answer that has not come by then is not waited for: attach, events and logs may last for ever. */
const patienceMs = 500;

/** No registry is reachable, and that is told with 500 as by Docker. */
const offline = { HTTP_PROXY: 'http://127.0.0.1:1', HTTPS_PROXY: 'http://127.0.0.1:1' };
const isOffline = /dial tcp|proxyconnect|connection refused/;

describe('made-up requests', () => {
  let daemon: TestDaemon;
  let exec = '';
  let files = 0;
  before(async () => {
    daemon = await startDaemon({ environment: offline });
    await daemon.loadBusybox();
    await daemon.ok('network', 'create', 'net');
    await daemon.ok('volume', 'create', 'vol');
    files = await openFiles(daemon);
  });
  after(() => daemon[Symbol.asyncDispose]());

  /** Earlier requests may have removed or stopped what routes are asked about. */
  const prepare = async (): Promise<void> => {
    const { text } = await daemon.api('GET', '/containers/web/json');
    if (!/"Running":true,"Paused":false/.test(text)) {
      await daemon.api('DELETE', '/containers/web?force=1');
      await daemon.docker('run', '-d', '--name', 'web', '--network', 'net', 'busybox', 'sleep', '1000');
    }
    await daemon.api('POST', '/containers/create?name=done', { Image: 'busybox' });
    const made = await daemon.api('POST', '/containers/web/exec', { Cmd: ['true'] });
    exec = /"Id":"(\w+)"/.exec(made.text)?.[1] ?? 'none';
  };

  for (const route of routes)
    it(`for ${route} are answered or refused, never with 500`, async (t) => {
      await prepare();
      const seed = Number(process.env['BERTH_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
      t.diagnostic(`seed ${seed}`);
      const property = fc.asyncProperty(requestOf(route, exec), (made) => isAnswered(daemon, made));
      await fc.assert(property, { numRuns: runs, seed, endOnFailure: true });
    });

  it('leave the same daemon running, and no descriptors', async () => {
    const { pid } = daemon;
    assert.equal((await daemon.api('GET', '/_ping')).status, 200);
    assert.equal(daemon.pid, pid);
    assert.doesNotMatch(daemon.log, /unexpected error/);
    for (const name of (await daemon.ok('ps', '-aq')).split('\n').filter((line) => line !== ''))
      await daemon.ok('rm', '-f', name);
    const left = await openFiles(daemon);
    assert.ok(left <= files + 20, `${files} descriptors before, ${left} afterwards`);
  });
});

async function openFiles(daemon: TestDaemon): Promise<number> {
  return (await readdir(`/proc/${daemon.pid}/fd`)).length;
}

async function isAnswered(daemon: TestDaemon, made: MadeUp): Promise<void> {
  const about = `${made.method} ${made.path} ${JSON.stringify(made.headers)} ${made.body?.toString() ?? ''}`;
  const answer = await ask(daemon, made);
  if (answer === undefined) return;
  const { status, text } = answer;
  assert.ok(
    status < 500 || status === 501 || status === 503 || isOffline.test(text),
    `${about}\n${status} ${text}\n${daemon.log}`,
  );
  if (status >= 400 && made.method !== 'HEAD' && text !== '')
    assert.match(text, /^\{"message":"(?:[^"\\]|\\.)+"\}\n$/, about);
}

/** Undefined when there was no answer in time, or none that could be parsed: the connection is cut then. */
async function ask(daemon: TestDaemon, made: MadeUp): Promise<{ status: number; text: string } | undefined> {
  const { method, path, body } = made;
  const signal = AbortSignal.timeout(patienceMs);
  const outgoing = request({
    socketPath: daemon.socket,
    method,
    path,
    headers: made.headers,
    agent: false,
    signal,
  });
  try {
    const response = await responseOf(outgoing.end(body));
    if ((response.statusCode ?? 0) < 400) return { status: response.statusCode ?? 0, text: '' };
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return { status: response.statusCode ?? 0, text };
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  } finally {
    outgoing.destroy();
  }
}

function responseOf(outgoing: ReturnType<typeof request>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject).on('response', resolve);
    outgoing.on('upgrade', (response: IncomingMessage) => resolve(response));
  });
}
