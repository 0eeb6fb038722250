import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startRegistry } from '../support/registry.ts';
import type { Checks } from './checks.ts';
import type { DockerCommand } from './client-command.ts';

// The programs are this machine's for each platform, so that all of them run.
const dockerfile = `FROM --platform=$BUILDPLATFORM busybox AS here
FROM scratch
COPY --from=here / /
ARG TARGETARCH
COPY $TARGETARCH /arch
`;

/** Indexes: several platforms, and what is attested. */
export async function checkBuildxPlatforms(
  checks: Checks,
  docker: DockerCommand,
  folder: string,
): Promise<void> {
  const project = join(folder, 'platforms');
  await mkdir(project, { recursive: true });
  const files = { Dockerfile: dockerfile, amd64: 'for amd64', arm64: 'for arm64' };
  for (const [name, text] of Object.entries(files)) await writeFile(join(project, name), text);
  const metadata = join(folder, 'platforms.json');
  const build = async (...args: string[]): Promise<string> => {
    const words = ['buildx', 'build', '--progress=plain', '--metadata-file', metadata, ...args, '.'];
    const { code, stderr } = await docker.run(...words, { cwd: project });
    assert.equal(code, 0, `docker ${words.join(' ')}: ${stderr}`);
    return stderr;
  };
  const digest = async (): Promise<string> =>
    /"containerimage.digest": "(sha256:\w+)"/.exec(await readFile(metadata, 'utf8'))?.[1] ?? '';
  const platform = ['--platform', 'linux/amd64,linux/arm64'];
  const run = (name: string, ...words: string[]): Promise<string> =>
    docker.ok('run', '--rm', ...words, name, 'cat', '/arch');

  await checks.check(
    '--platform of two with --load, --push, type=local and oci; the image of each runs',
    async () => {
      await using registry = await startRegistry();
      const told = await build(...platform, '--load', '-t', 'kit:two');
      assert.match(told, /\[linux\/arm64 stage-1 2\/2\] COPY[^]*exporting manifest list sha256:/);
      assert.equal(await docker.ok('inspect', '-f', '{{.Descriptor.digest}}', 'kit:two'), await digest());
      assert.equal(await run('kit:two', '--platform', 'linux/arm64'), 'for arm64');
      const name = `${registry.host}/two:1`;
      await build(...platform, '--push', '-t', name);
      assert.match(await docker.ok('manifest', 'inspect', '--insecure', name), /"architecture": "arm64"/);
      await docker.ok('rmi', 'kit:two', name);
      assert.match(
        await docker.ok('pull', ...platform.slice(0, 1), 'linux/arm64', name),
        new RegExp(await digest()),
      );
      assert.equal(await run(name), 'for arm64');
      await build(...platform, '--output', `type=local,dest=${join(folder, 'two')}`);
      assert.equal(await readFile(join(folder, 'two/linux_arm64/arch'), 'utf8'), 'for arm64');
      const file = join(folder, 'two.tar');
      await build(...platform, '--output', `type=oci,dest=${file}`, '-t', 'kit:oci-two');
      await docker.ok('rmi', 'kit:oci-two');
      await docker.ok('load', '-i', file);
      assert.equal(await docker.ok('inspect', '-f', '{{.Descriptor.digest}}', 'kit:oci-two'), await digest());
    },
  );
  await checks.check(
    '--annotation of manifests, indexes and single platforms, shown by imagetools',
    async () => {
      await using registry = await startRegistry();
      const name = `${registry.host}/noted:1`;
      const notes = ['index:of=all', 'manifest:each=one', 'manifest[linux/arm64]:only=arm'];
      const asked = notes.flatMap((note) => ['--annotation', note]);
      await build(...platform, ...asked, '--push', '-t', name);
      const raw = (reference: string): Promise<string> =>
        docker.ok('buildx', 'imagetools', 'inspect', '--raw', reference);
      const index = await raw(name);
      assert.match(index, /"of": ?"all"/);
      const [, arm = ''] = [...index.matchAll(/"digest": ?"(sha256:\w+)"/g)].map(([, found]) => found);
      const manifest = await raw(`${registry.host}/noted@${arm}`);
      assert.match(manifest, /"each": ?"one"/);
      assert.match(manifest, /"only": ?"arm"/);
    },
  );
  await checks.check(
    '--provenance and --sbom, and neither; SOURCE_DATE_EPOCH makes them the same',
    async () => {
      const epoch = ['--build-arg', 'SOURCE_DATE_EPOCH=1700000000', '-t', 'kit:attested'];
      const attested = ['--provenance=mode=max', '--sbom=true', ...epoch];
      const told = await build(...attested);
      assert.match(told, /generating sbom[^]*exporting attestation manifest sha256:/);
      const first = await digest();
      await build('--no-cache', ...attested);
      assert.equal(await digest(), first);
      await build('--provenance=false', ...epoch);
      assert.doesNotMatch(
        await docker.ok('inspect', '-f', '{{.Descriptor.mediaType}}', 'kit:attested'),
        /index/,
      );
    },
  );
}
