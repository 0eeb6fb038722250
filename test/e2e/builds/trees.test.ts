import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { buildCases, fromScratch, keepResult, keptResult, resultOf } from '../../support/build-cases.ts';
import { buildByBerth, configOf, exportedTree } from '../../support/built-images.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { describeConfig, difference, type Tree } from '../../support/image-trees.ts';

describe('the images that Dockerfiles come to', () => {
  let daemon: TestDaemon;
  let base: Tree;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
    base = await exportedTree(daemon, 'busybox');
  });
  after(() => daemon[Symbol.asyncDispose]());

  for (const each of buildCases())
    it(`are what they should be: ${each.name}`, async () => {
      const image = await buildByBerth(daemon, each);
      const config = await configOf(daemon, image);
      const below: Tree = fromScratch(each) ? new Map() : base;
      const tree = difference(below, await exportedTree(daemon, image));
      const result = resultOf(describeConfig(config), tree);
      if (process.env.UPDATE_TREES !== undefined) await keepResult(each, result);
      assert.equal(result, await keptResult(each));
    });
});
