import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  buildCases,
  contextOf,
  fromScratch,
  keptResult,
  resultOf,
  type BuildCase,
} from '../support/build-cases.ts';
import { buildByBerth } from '../support/built-images.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { describeConfig, difference, type Tree } from '../support/image-trees.ts';
import { copy, Tools } from './tools.ts';

// What buildah leaves in the image wherever it mounts something for a RUN.
const leftByRun = new Set([
  '/etc/hostname',
  '/etc/hosts',
  '/etc/resolv.conf',
  '/run',
  '/run/.containerenv',
  '/run/secrets',
]);

describe('the images that Dockerfiles come to', () => {
  let daemon: TestDaemon;
  let tools: Tools;
  let base: Tree;
  before(async () => {
    daemon = await startDaemon();
    tools = new Tools(daemon.folder);
    await daemon.loadBusybox();
    await take('busybox', 'docker.io/library/busybox:latest');
    base = await tools.tree('docker.io/library/busybox');
  });
  after(async () => {
    await tools[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  /** Brings an image of Berth into the store of the others. */
  async function take(image: string, name: string): Promise<void> {
    const archive = join(daemon.folder, 'taken.tar');
    await daemon.ok('save', '-o', archive, image);
    await copy(`docker-archive:${archive}`, tools.stored(name));
  }

  async function result(each: BuildCase, image: string, leftOut?: ReadonlySet<string>): Promise<string> {
    const below: Tree = fromScratch(each) ? new Map() : base;
    const tree = difference(below, await tools.tree(image, leftOut));
    return resultOf(describeConfig(await tools.config(image)), tree);
  }

  for (const each of buildCases()) {
    it(`of Berth are, unpacked by others, what they should be: ${each.name}`, async () => {
      const name = `docker.io/berth/${each.name}:latest`;
      await take(await buildByBerth(daemon, each), name);
      assert.equal(await result(each, name), await keptResult(each));
    });

    it(`of buildah are ${each.buildah === undefined ? 'the same' : 'others'}: ${each.name}`, async () => {
      const made = await buildByBuildah(each);
      const expected = await keptResult(each);
      if (each.buildah === undefined) assert.equal(made, expected);
      else assert.notEqual(made, expected, `buildah makes the same, unlike what is written: ${each.buildah}`);
    });
  }

  /** What it comes to, or what buildah says against it. */
  async function buildByBuildah(each: BuildCase): Promise<string> {
    const folder = await contextOf(each, daemon.folder);
    const name = `docker.io/buildah/${each.name}:latest`;
    const flags = [
      '--isolation',
      'oci',
      '--network',
      'host',
      '--pull-never',
      '--layers',
      '--no-cache',
      '--cap-add',
      'mknod',
    ];
    const shape = ['--format', 'docker', '--identity-label=false'];
    if (each.parent !== undefined)
      await tools.buildah(
        'build',
        ...flags,
        ...shape,
        '-t',
        'docker.io/library/parent',
        '-f',
        join(folder, 'parent.Dockerfile'),
        folder,
      );
    const given = Object.entries(each.arguments).flatMap(([key, value]) => [
      '--build-arg',
      `${key}=${value}`,
    ]);
    for (const [id, secret] of Object.entries(each.secrets)) {
      await writeFile(join(daemon.folder, id), secret);
      given.push('--secret', `id=${id},src=${join(daemon.folder, id)}`);
    }
    const { code, stderr } = await tools.try(
      'buildah',
      'build',
      ...flags,
      ...shape,
      ...given,
      '-t',
      name,
      folder,
    );
    return code === 0 ? result(each, name, leftByRun) : `buildah fails:\n${stderr}`;
  }
});
