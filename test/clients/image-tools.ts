import assert from 'node:assert/strict';
import { serveRegistry } from '../support/built-in-registry.ts';
import type { TestDaemon } from '../support/daemon.ts';
import type { Checks } from './checks.ts';
import type { DockerCommand } from './client-command.ts';

/** `docker buildx imagetools` with images in the built-in registry: lists made of others, copied, looked at. */
export async function checkImageTools(
  checks: Checks,
  docker: DockerCommand,
  daemon: TestDaemon,
): Promise<void> {
  await checks.check('imagetools create, also of lists and into other repositories, inspect', async () => {
    const { host } = await serveRegistry(daemon);
    const names = ['amd', 'arm'].map((name) => `${host}/tools/${name}:1`);
    for (const name of names) {
      await docker.ok('tag', 'busybox', name);
      await docker.ok('push', name);
    }
    const [all, copy] = [`${host}/tools/all:1`, `${host}/other/copy:1`];
    await docker.ok('buildx', 'imagetools', 'create', '-t', all, ...names);
    await docker.ok('buildx', 'imagetools', 'create', '-t', copy, all);
    const digest = /^Digest: +(sha256:[0-9a-f]{64})$/m;
    const seen = await docker.ok('buildx', 'imagetools', 'inspect', copy);
    assert.match(seen, /Platform: +linux\/amd64/);
    const [of, ofCopy] = [await docker.ok('buildx', 'imagetools', 'inspect', all), seen];
    assert.equal(digest.exec(of)?.[1], digest.exec(ofCopy)?.[1]);
    await daemon.berth('registry', 'stop');
  });
}
