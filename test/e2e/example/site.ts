import assert from 'node:assert/strict';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { IncomingHttpHeaders } from 'node:http';
import type { TestDaemon } from '../../support/daemon.ts';
import { ExampleApp } from '../../support/example-app.ts';
import { askHttp } from '../../support/ingress.ts';

const host = 'site.test';

interface Page {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** One page by TLS; the authority is this machine's own, so that who signed is not asked. */
function get(port: number, path: string): Promise<Page> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, servername: host, headers: { host }, agent: false };
    const asked = request({ ...options, rejectUnauthorized: false }, (answer) => {
      const { statusCode = 0, headers } = answer;
      text(answer).then((body) => resolve({ status: statusCode, headers, body }), reject);
    });
    asked.on('error', reject).end();
  });
}

/** Pages come by TLS with their headers; an edited page replaces the former while somebody reads. */
export async function site(daemon: TestDaemon, port: number, tlsPort: number): Promise<void> {
  const app = await ExampleApp.copy(daemon, 'site', { SITE_HOST: host, SITE_RATE: '100000/s' });
  await app.berth('up');
  await app.isLockedDown();

  const led = await askHttp(port, { host, path: '/news' });
  assert.deepEqual([led.status, led.headers.location], [301, `https://${host}:${tlsPort}/news`]);
  const first = await get(tlsPort, '/');
  assert.match(first.body, /<h1>Harbour news<\/h1>/);
  assert.match(String(first.headers['strict-transport-security']), /^max-age=\d+/);
  assert.equal(first.headers['content-security-policy'], "default-src 'self'");
  const missing = await get(tlsPort, '/nowhere');
  assert.deepEqual([missing.status, /There is no such page/.test(missing.body)], [404, true]);
  assert.equal((await get(tlsPort, '/assets/style.css')).headers['cache-control'], 'max-age=3600');

  await app.edit('web/pages/index.html', 'Harbour news', 'Harbour notices');
  let [isOver, failures, read] = [false, 0, 0];
  const reading = (async () => {
    while (!isOver) {
      read += 1;
      const status = await get(tlsPort, '/').then(
        (page) => page.status,
        () => 0,
      );
      if (status !== 200) failures += 1;
    }
  })();
  await app.berth('up').finally(() => (isOver = true));
  await reading;
  assert.ok(read > 10);
  assert.equal(failures, 0, `of ${read} requests`);
  assert.match((await get(tlsPort, '/')).body, /<h1>Harbour notices<\/h1>/);

  const { stdout } = await app.berth('ingress', 'ls');
  assert.match(stdout, /site\/web +site\.test\/ +\d+ +internal +\d{4}-\d\d-\d\d +2 /);
  await app.takeDown();
}
