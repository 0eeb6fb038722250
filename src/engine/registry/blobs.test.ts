import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RegistryParts } from '#engine/registry/parts.ts';
import type { BlobInfo, BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import { fake } from '../../../test/support/container-room.ts';
import { MemoryState } from '../../../test/support/image-room.ts';
import { RepositoryBlobs } from './blobs.ts';
import { Content } from './content.ts';

test('a blob stays while a client is about to be told that it is there', async () => {
  const digest = 'sha256:a';
  const link = { repository: 'app', digest, blob: digest, size: 1, since: '2026-01-01T00:00:00Z' } as const;
  const content = new Content(new MemoryState());
  content.save({ links: [link] });
  const looked = Promise.withResolvers<BlobInfo>();
  const blobs = new RepositoryBlobs(
    fake<RegistryParts>({
      content,
      clock: fake<Clock>({ now: () => 5000 }),
      blobs: fake<BlobStore>({ stat: () => looked.promise }),
    }),
  );
  const told = blobs.get('app', digest);
  assert.ok(blobs.wasTold(link, 5000), 'what is collected now leaves it');
  looked.resolve({ digest, size: 1 });
  assert.equal((await told).digest, digest);
});
