import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';
import { freePort } from '../../support/free-port.ts';
import { api } from './api.ts';
import { chat } from './chat.ts';
import { pipeline } from './pipeline.ts';
import { shop } from './shop.ts';
import { site } from './site.ts';

// One daemon for all, so that package lists and base images are fetched once.
const settings = await mkdtemp('/var/tmp/b-examples-');
const [port, tlsPort] = [await freePort(), await freePort()];
const config = join(settings, 'config.toml');
await writeFile(
  config,
  `[ingress]\naddresses = ["127.0.0.1"]\nhttp-port = ${port}\nhttps-port = ${tlsPort}\n`,
);
const daemon = await startDaemon({ environment: { BERTH_CONFIG: config } });
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(settings, { recursive: true });
});

test('the shop sells, a worker packs, and a migration gates each update', () => shop(daemon));
test('the chat joins people at two replicas, keeps them there, and is updated', () => chat(daemon, port));
test('the site is served by TLS and edited without a failed request', () => site(daemon, port, tlsPort));
test('the pipeline runs its jobs on a shared volume and tells how they ended', () => pipeline(daemon));
test('the API signs links with a key that is rotated, and limits its clients', () => api(daemon, port));
