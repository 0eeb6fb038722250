import assert from 'node:assert/strict';
import type { TestDaemon } from '../../support/daemon.ts';
import { ExampleApp } from '../../support/example-app.ts';
import { askHttp, type Answer } from '../../support/ingress.ts';

const host = 'api.test';
const parse: (text: string) => { link?: string; error?: string; replica?: string } = JSON.parse;

/** Signs and checks links at all replicas, before and after the key is rotated, and limits who asks too much. */
export async function api(daemon: TestDaemon, port: number): Promise<void> {
  const app = await ExampleApp.copy(daemon, 'api', { API_HOST: host, API_TOKEN: 'sesame' });
  const ask = (path: string): Promise<Answer> => askHttp(port, { host, path });
  const sign = (body: unknown, token = 'sesame'): Promise<Answer> => {
    const headers = { authorization: `Bearer ${token}` };
    return askHttp(port, { host, path: '/v1/links', method: 'POST', headers, body: JSON.stringify(body) });
  };
  const linkOf = async (path: string): Promise<string> => {
    const { status, text } = await sign({ path, seconds: 60 });
    assert.equal(status, 200, text);
    return parse(text).link ?? '';
  };
  const error = ({ status, text }: Answer): [number, string | undefined] => [status, parse(text).error];

  await app.write('keys.txt', 'first-key\n');
  await app.berth('up');
  await app.isLockedDown();
  const old = await linkOf('/film.mp4');
  const replicas = new Set<string>();
  for (let i = 0; i < 8; i += 1) replicas.add(parse((await ask(old)).text).replica ?? '');
  assert.equal(replicas.size, 2, 'a link of one replica is good at the other');
  assert.deepEqual(error(await ask(old.replace('film', 'book'))), [403, 'the signature is wrong']);
  assert.deepEqual(error(await sign({ path: '/a', seconds: 60 }, 'wrong')), [401, 'a token is required']);
  const tooLong = { path: '/a', seconds: 1e9 };
  assert.deepEqual(error(await sign(tooLong)), [400, 'seconds is a whole number from 1 to 604800']);
  assert.match((await ask('/metrics')).text, /^api_responses_total\{status="200"\} \d+$/m);

  await app.write('keys.txt', 'second-key\nfirst-key\n');
  const { stderr } = await app.berth('up');
  assert.match(stderr, /secret/);
  const fresh = await linkOf('/film.mp4');
  assert.deepEqual([(await ask(old)).status, (await ask(fresh)).status], [200, 200]);
  await app.write('keys.txt', 'second-key\n');
  await app.berth('up');
  assert.deepEqual(error(await ask(old)), [403, 'the signature is wrong']);
  assert.equal((await ask(fresh)).status, 200);
  for (const id of await app.running()) {
    const shown = await daemon.ok('inspect', id);
    assert.ok(!shown.includes('second-key'), 'a secret is never shown');
  }

  const many = await Promise.all(Array.from({ length: 150 }, () => ask('/healthz')));
  const statuses = new Set(many.map(({ status }) => status));
  assert.deepEqual(
    statuses,
    new Set([200, 429]),
    'more than 100 requests a second of one client are refused',
  );
  await app.takeDown();
}
