import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { VertexEvent } from '#engine/contracts.ts';
import { buildRoom, refusal } from '../support/build-room.ts';

test('named contexts stand for images, stages and folders, without what their .dockerignore leaves out', async () => {
  await using room = await buildRoom();
  const files = await room.folder({ 'a.txt': 'a', 'no.txt': 'no', '.dockerignore': 'no.txt' });
  const Dockerfile = `FROM elsewhere AS made
RUN exit 1
FROM other AS root
FROM base
COPY --from=made / /made/
COPY --from=root / /root/
RUN --mount=type=bind,from=files,target=/f cat /f/a.txt > /read && ! [ -e /f/no.txt ]
COPY --from=files / /copied/
`;
  const contexts = { made: { folder: files }, other: { folder: files }, files: { folder: files } };
  const { image } = await room.build({ Dockerfile }, { contexts });
  await room.inside(image, (root) => {
    for (const name of ['made', 'root', 'copied']) {
      assert.equal(readFileSync(join(root, name, 'a.txt'), 'utf8'), 'a');
      assert.ok(!existsSync(join(root, name, 'no.txt')));
    }
    assert.equal(readFileSync(join(root, 'read'), 'utf8'), 'a');
  });
  const { output } = await room.build({ Dockerfile }, { contexts });
  assert.equal(output.match(/Using cache/g)?.length, 4);
  const byImage = await room.build(
    { Dockerfile: 'FROM nowhere\n' },
    { contexts: { nowhere: { image: 'base' } } },
  );
  assert.equal(byImage.image.config.config?.Env?.includes('FROM_BASE=yes'), true);
  assert.deepEqual(await room.trees.listFolders(), []);
});

test('a build tells what its Dockerfile is warned of, and is refused where the file asks for it', async () => {
  await using room = await buildRoom();
  const events: VertexEvent[] = [];
  await room.build({ Dockerfile: 'FROM base\nCMD x\n' }, { onVertex: (event) => void events.push(event) });
  const [warning] = events.flatMap((event) => (event.kind === 'warning' ? [event.warning] : []));
  assert.equal(warning?.rule, 'JSONArgsRecommended');
  assert.equal(warning.line, 2);
  const error = await refusal(room.build({ Dockerfile: '# check=error=true\nFROM base\nCMD x\n' }));
  assert.equal(error.code, 'dockerfile-check-failed');
});

test('nothing of the named stages comes from the cache, and all of the others does', async () => {
  await using room = await buildRoom();
  const Dockerfile = 'FROM base AS one\nRUN echo 1\nFROM base\nRUN echo 2\nCOPY --from=one /etc/passwd /p\n';
  await room.build({ Dockerfile });
  const { output } = await room.build({ Dockerfile }, { noCacheFor: ['one'] });
  assert.match(output, /^1$/m);
  assert.doesNotMatch(output, /^2$/m);
});
