import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { addressOf, serveRegistry } from '../support/built-in-registry.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { run } from '../support/docker.ts';

const { PRESENT: present = '', FORMER: former = '', FOLDER: folder = '' } = process.env;
const password = 'a long password';

describe('the OCI distribution conformance suite', () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await serveRegistry(daemon);
  });
  after(() => daemon[Symbol.asyncDispose]());

  async function results(name: string, host: string, environment: Record<string, string>): Promise<string> {
    const out = join(folder, name);
    await mkdir(out);
    const settings = { OCI_REGISTRY: host, OCI_RESULTS_DIR: out, OCI_VERSION: '1.1+dev', ...environment };
    const { code, stdout, stderr } = await run(present, [], { environment: settings });
    assert.equal(code, 0, `${stdout.slice(-4000)}${stderr.slice(-2000)}`);
    return stdout;
  }

  it('passes in its present version, also what the next version of the specification adds', async (t) => {
    const told = await results('open', await addressOf(daemon), { OCI_TLS: 'disabled' });
    assert.equal(counted(told, 'FAIL'), 0, told);
    assert.equal(counted(told, 'Skip'), 0, told);
    // What a registry may take or refuse: manifests that name what it does not have.
    assert.deepEqual(
      told.match(/^ .*: +Disabled$/gm)?.map((line) => line.trim().split('.')[0]),
      ['Sparse Manifests'],
    );
    t.diagnostic(`${counted(told, 'Pass')} passed`);
  });

  it('passes in all four workflows of version 1.1.0', async (t) => {
    const out = join(folder, 'former-results');
    await mkdir(out);
    const environment = {
      OCI_ROOT_URL: `http://${await addressOf(daemon)}`,
      ...{ OCI_NAMESPACE: 'former/one', OCI_CROSSMOUNT_NAMESPACE: 'former/two', OCI_REPORT_DIR: out },
      ...{ OCI_TEST_PULL: '1', OCI_TEST_PUSH: '1', OCI_TEST_CONTENT_DISCOVERY: '1' },
      ...{ OCI_TEST_CONTENT_MANAGEMENT: '1', OCI_AUTOMATIC_CROSSMOUNT: '1' },
      OCI_DELETE_MANIFEST_BEFORE_BLOBS: '1',
    };
    const { code, stdout } = await run(former, [], { environment });
    assert.equal(code, 0, stdout.slice(-6000));
    const junit = await readFile(join(out, 'junit.xml'), 'utf8');
    const [, tests, , skipped] = /tests="(\d+)" disabled="(\d+)".*?skipped="(\d+)"/.exec(junit) ?? [];
    const why = [...junit.matchAll(/<testcase name="([^"]*)"[^>]*status="skipped"/g)].map(([, name]) => name);
    // Each of these is the other half of a test that was run: content that is there already instead of pushed, a registry
    // that mounts nothing by itself, and one that answers a mount with an upload.
    assert.deepEqual(
      why.map((name = '') => name.replace(/^\[It\] OCI Distribution Conformance Tests /, '')),
      [
        'Pull Setup Get tag name from environment',
        'Push Cross-Repository Blob Mount Cross-mounting of nonexistent blob should yield session id',
        'Push Cross-Repository Blob Mount Cross-mounting without from, and automatic content discovery disabled should return a 202',
        'Content Discovery Setup Populate registry with test tags (no push)',
      ],
    );
    t.diagnostic(`${tests ?? '?'} tests, ${skipped ?? '?'} of them the other half of one that was run`);
  });

  it('passes with a login by token over TLS', async () => {
    const users = ['registry', 'users', 'add', 'tester', '--grant', 'conformance/**=pull,push,delete'];
    const added = await daemon.berth(...users, { input: password });
    assert.equal(added.code, 0, added.stderr);
    await daemon.berth('registry', 'stop');
    const started = await daemon.berth('registry', 'start', '--address', '127.0.0.1:0', '--tls', 'local');
    assert.equal(started.code, 0, started.stderr);
    const authority = join(folder, 'authority.pem');
    await writeFile(authority, (await daemon.berth('registry', 'ca')).stdout);
    // A token is for the repositories that it was asked for, so blobs of others are not found with it.
    const login = {
      OCI_API_BLOBS_MOUNT_ANONYMOUS: 'false',
      SSL_CERT_FILE: authority,
      OCI_USERNAME: 'tester',
      OCI_PASSWORD: password,
    };
    const told = await results('login', await addressOf(daemon), { OCI_TLS: 'enabled', ...login });
    assert.equal(counted(told, 'FAIL'), 0, told);
    assert.equal(counted(told, 'Skip'), 0, told);
  });

  it(
    'is pushed to and pulled from by podman and skopeo',
    { skip: !existsSync('/usr/bin/podman') },
    async () => {
      await daemon.loadBusybox();
      const host = await addressOf(daemon);
      const archive = join(folder, 'busybox.tar');
      await daemon.ok('save', '-o', archive, 'busybox');
      const storage = [
        '--root',
        join(folder, 'podman'),
        '--runroot',
        join(folder, 'podman-run'),
        '--storage-driver',
        'vfs',
      ];
      const podman = async (...words: string[]): Promise<string> => {
        const { code, stdout, stderr } = await run('podman', [...storage, ...words]);
        assert.equal(code, 0, `podman ${words.join(' ')}: ${stderr}`);
        return stdout.trim();
      };
      const credentials = ['--creds', `tester:${password}`, '--tls-verify=false'];
      await podman('load', '-i', archive);
      await podman(
        'push',
        ...credentials,
        'docker.io/library/busybox:latest',
        `${host}/conformance/podman:1`,
      );
      await podman('rmi', '-af');
      await podman('pull', ...credentials, `${host}/conformance/podman:1`);
      assert.match(await podman('images'), /conformance\/podman/);
      await podman('rmi', '-af');
      const inspected = await run('skopeo', [
        'inspect',
        ...credentials,
        `docker://${host}/conformance/podman:1`,
      ]);
      assert.match(inspected.stdout, /"Digest": "sha256:/, inspected.stderr);
    },
  );
});

/** The figure behind a word of the summary. */
function counted(text: string, word: string): number {
  return Number(new RegExp(`^ *${word}[a-z]*\\.*: +(\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}
