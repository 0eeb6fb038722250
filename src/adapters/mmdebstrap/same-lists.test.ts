import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { areSame } from './same-lists.ts';

const { signal } = new AbortController();

test('lists are the same as long as each signed index is what apt has verified', async (t) => {
  const served = new Map([
    ['/debian/dists/bookworm/InRelease', 'main'],
    ['/debian/dists/bookworm-updates/InRelease', 'updates'],
  ]);
  const left = Promise.withResolvers<void>();
  const server = createServer(({ url = '' }, response) => {
    const text = served.get(url);
    response.writeHead(text === undefined ? 404 : 200);
    if (text?.endsWith('without end') !== true) response.end(text);
    else response.once('close', left.resolve).write(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const lists = await mkdtemp(join(tmpdir(), 'berth-lists-'));
  t.after(async () => {
    server.close();
    await rm(lists, { recursive: true });
  });
  const host = `127.0.0.1:${address.port}`;
  const sources = `Types: deb\nURIs: http://${host}/debian/\nSuites: bookworm bookworm-updates\nComponents: main\n`;
  const same = (): Promise<boolean> => areSame(sources, lists, 5000, signal);

  assert.equal(await same(), false);
  for (const [path, text] of served)
    await writeFile(join(lists, `${host}${path}`.replaceAll('/', '_')), text);
  assert.equal(await same(), true);
  served.set('/debian/dists/bookworm-updates/InRelease', 'newer');
  assert.equal(await same(), false);
  served.set('/debian/dists/bookworm-updates/InRelease', 'updates without end');
  assert.equal(await areSame(sources, lists, 60_000, signal), false);
  await left.promise;
  served.delete('/debian/dists/bookworm-updates/InRelease');
  assert.equal(await same(), false);
});

test('what cannot be asked over HTTP is left to apt', async () => {
  for (const uri of [
    'file:///srv/mirror',
    'http://me:secret@127.0.0.1:9/debian',
    'http://127.0.0.1:9/debian',
  ])
    assert.equal(
      await areSame(`Types: deb\nURIs: ${uri}\nSuites: x\nComponents: main\n`, '/', 5000, signal),
      false,
    );
  assert.equal(await areSame('', '/', 5000, signal), false);
});
