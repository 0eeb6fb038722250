import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diskFull } from '#base/disk-full.ts';
import type { Collection } from '#ports/state-store.ts';
import { MemoryState } from '../../../test/support/image-room.ts';
import { Content } from './content.ts';

class FullState extends MemoryState {
  override collection<T extends object>(name: string): Collection<T> {
    return {
      ...super.collection<T>(name),
      note: () => {
        throw diskFull('saving the state', undefined);
      },
    };
  }
}

test('a pull counts also while the disk is full', () => {
  const content = new Content(new FullState());
  const record = { repository: 'app', tag: '1', digest: 'sha256:a', pushed: '', by: '' } as const;
  content.save({ tags: [record] });
  content.notePull(record, '2026-01-01T00:00:00Z');
  assert.equal(content.tag('app', '1')?.pulled, '2026-01-01T00:00:00Z');
});
