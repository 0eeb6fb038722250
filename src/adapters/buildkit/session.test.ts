import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { notFound } from '#base/errors.ts';
import { unary } from '#base/grpc/server.ts';
import { openSession } from '../../../test/support/build-session.ts';
import { kindOf } from './file-mode.ts';
import { Packet, packetTypes, SecretRequest, SecretResponse } from './messages.ts';
import { GrpcBuildSessions } from './session.ts';

const { signal } = new AbortController();

const home = mkdtempSync(join(tmpdir(), 'berth-buildkit-'));
after(() => rm(home, { recursive: true }));

test('secrets come from the client; one that it has not is undefined', async () => {
  await using opened = await openSession(
    {
      '/moby.buildkit.secrets.v1.Secrets/GetSecret': unary(SecretRequest, SecretResponse, ({ id }) =>
        id === 'known'
          ? Promise.resolve({ data: Buffer.from('text') })
          : Promise.reject(notFound('secret', `secret ${id} not found`)),
      ),
    },
    new GrpcBuildSessions(join(home, 'kept')),
  );
  assert.equal((await opened.session.secret('known', signal))?.toString(), 'text');
  assert.equal(await opened.session.secret('other', signal), undefined);
  assert.equal(await opened.session.hasAgent('default', signal), false);
  assert.equal(await opened.session.credentials('docker.io', signal), undefined);
});

test('a client is told that the folders of all platforms come at once, as it asks before it deletes others', async () => {
  const told: unknown[] = [];
  const folder = join(home, 'result');
  mkdirSync(folder);
  await using opened = await openSession(
    {
      '/moby.filesync.v1.FileSend/DiffCopy': async function* (requests, { metadata }) {
        told.push(metadata['buildkit-exporter-multi-platform'], metadata['buildkit-attachable-exporter-id']);
        yield Packet.encode({ type: packetTypes.end });
        for await (const bytes of requests) if (Packet.decode(bytes).type === packetTypes.end) return;
      },
    },
    new GrpcBuildSessions(join(home, 'kept-too')),
  );
  await opened.session.sendFolders(2, [{ prefix: '', folder }], signal);
  assert.deepEqual(told, ['1', '2']);
});

test("kinds of files are those of Go's modes", () => {
  assert.deepEqual(
    [0o644, 2 ** 31 + 0o755, 2 ** 27 + 0o777, 2 ** 26, 2 ** 25, 2 ** 24, 2 ** 23 + 0o755].map(kindOf),
    ['file', 'directory', 'symlink', 'device', 'device', undefined, 'file'],
  );
});
