import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { notFound } from '#base/errors.ts';
import { unary } from '#base/grpc/server.ts';
import { openSession } from '../../../test/support/build-session.ts';
import { kindOf } from './file-mode.ts';
import { SecretRequest, SecretResponse } from './messages.ts';
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

test("kinds of files are those of Go's modes", () => {
  assert.deepEqual(
    [0o644, 2 ** 31 + 0o755, 2 ** 27 + 0o777, 2 ** 26, 2 ** 25, 2 ** 24, 2 ** 23 + 0o755].map(kindOf),
    ['file', 'directory', 'symlink', 'device', 'device', undefined, 'file'],
  );
});
