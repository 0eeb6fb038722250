import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { serveRegistry, type BuiltIn } from '../support/built-in-registry.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { DebianMirror } from '../support/debian-mirror.ts';
import { run } from '../support/docker.ts';

const { COSIGN: program = '', FOLDER: folder = '' } = process.env;
const base = 'debian.berth/busybox:bookworm';
/** There is no transparency log to ask, and the registry is on loopback. */
const offline = ['--insecure-ignore-tlog=true', '--allow-http-registry'];

describe('cosign and this engine', () => {
  let mirror: DebianMirror;
  let maker: TestDaemon;
  let user: TestDaemon;
  let registry: BuiltIn;
  before(async () => {
    mirror = await DebianMirror.start(join(folder, 'mirror'));
    const config = join(folder, 'config.toml');
    await writeFile(config, mirror.settings());
    maker = await startDaemon({ environment: { BERTH_CONFIG: config } });
    user = await startDaemon();
    registry = await serveRegistry(user);
  });
  after(async () => {
    for (const one of [maker, user, mirror]) await one[Symbol.asyncDispose]();
  });

  async function cosign(...words: string[]): Promise<string> {
    const environment = { HOME: folder, COSIGN_PASSWORD: 'a password' };
    const { code, stdout, stderr } = await run(program, words, { environment });
    assert.equal(code, 0, `cosign ${words.join(' ')}\n${stdout}${stderr}`);
    return stdout;
  }

  it('cosign verifies signature and attestations of a base, by tags and by referrers', async () => {
    const key = join(folder, 'berth.pub');
    await maker.ok('pull', base);
    await writeFile(key, (await maker.berth('base', 'key')).stdout);
    const name = `${registry.host}/team/base:1`;
    await maker.ok('tag', base, name);
    const digest = /digest: (sha256:[0-9a-f]{64})/.exec(await maker.ok('push', name))?.[1] ?? '';
    for (const way of [[], ['--experimental-oci11']])
      assert.match(await cosign('verify', '--key', key, ...offline, ...way, name), new RegExp(digest));
    for (const type of ['spdxjson', 'cyclonedx'])
      await cosign('verify-attestation', '--key', key, '--type', type, ...offline, name);
  });

  it('an engine verifies what cosign signed, in its former and its present format', async () => {
    const pair = join(folder, 'cosign');
    await cosign('generate-key-pair', '--output-key-prefix', pair);
    await user.loadBusybox();
    for (const [repository, format] of [
      ['former', []],
      ['present', ['--new-bundle-format']],
    ] as const) {
      const name = `${registry.host}/signed/${repository}:1`;
      await user.ok('tag', 'busybox', name);
      await user.ok('push', name);
      const way = ['--tlog-upload=false', '--allow-http-registry', '-y', ...format];
      await cosign('sign', '--key', `${pair}.key`, ...way, name);
      const { code, stdout, stderr } = await user.berth('base', 'verify', '--key', `${pair}.pub`, name);
      assert.equal(code, 0, stdout + stderr);
    }
  });
});
