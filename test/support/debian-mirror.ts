import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { EventEmitter, on } from 'node:events';
import { copyFile, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ArchiveKey } from './openpgp.ts';

const exec = promisify(execFile);
const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';

export interface MirrorPackage {
  name: string;
  version: string;
  depends?: string;
  /** Path below the root to content. */
  files: Record<string, string>;
}

/** How a mirror answers. */
export type MirrorMood = 'well' | 'wrong-key' | 'tampered' | 'no-packages' | 'stalling-packages' | 'silent';

/** The suites of a release, and the archive that each is in. */
const suites = {
  bookworm: 'debian',
  'bookworm-updates': 'debian',
  'bookworm-security': 'debian-security',
} as const;
export type MirrorSuite = keyof typeof suites;

/**
 * A small Debian archive on loopback with a key of its own. It has what `debian.berth/busybox:bookworm` needs; tests publish
 * packages of their own besides.
 */
export class DebianMirror implements AsyncDisposable {
  readonly keyring: string;
  /** Emits `asked` with each path. */
  readonly events = new EventEmitter<{ asked: [path: string] }>();
  mood: MirrorMood = 'well';
  readonly #folder: string;
  readonly #server: Server;
  readonly #key = new ArchiveKey();
  readonly #strangeKey = new ArchiveKey();
  readonly #entries = new Map<MirrorSuite, string[]>();

  private constructor(folder: string) {
    this.#folder = folder;
    this.keyring = join(folder, 'keyring.gpg');
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** @param folder a new one, which the mirror owns */
  static async start(folder: string): Promise<DebianMirror> {
    const mirror = new DebianMirror(folder);
    await mkdir(folder, { recursive: true });
    await writeFile(mirror.keyring, mirror.#key.publicKey());
    const { promise, resolve } = Promise.withResolvers<undefined>();
    mirror.#server.listen(0, '127.0.0.1', () => resolve(undefined));
    await promise;
    const osRelease = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Test"\n';
    await mirror.publish({ name: 'base-files', version: '12.4', files: { 'usr/lib/os-release': osRelease } });
    await mirror.publish({ name: 'netbase', version: '6.4', files: { 'etc/services': 'http 80/tcp\n' } });
    await mirror.publish({ name: 'busybox-static', version: '1:1.35.0-4', files: {} });
    return mirror;
  }

  get url(): string {
    const address = this.#server.address();
    assert.ok(typeof address === 'object' && address !== null);
    return `http://127.0.0.1:${address.port}/debian`;
  }

  /** The settings by which a daemon uses it. */
  settings(): string {
    return `[mirrors]\ndebian = "${this.url}"\nkeyring = "${this.keyring}"\ntimeout = 1\n`;
  }

  async publish(one: MirrorPackage, suite: MirrorSuite = 'bookworm'): Promise<void> {
    const archive = suites[suite];
    const tree = join(this.#folder, 'tree');
    const control =
      `Package: ${one.name}\nVersion: ${one.version}\nArchitecture: ${architecture}\nMaintainer: Test <t@test.invalid>\n` +
      `Installed-Size: 10\nSection: misc\nPriority: optional\nDescription: ${one.name} of a test\n` +
      (one.depends === undefined ? '' : `Depends: ${one.depends}\n`);
    await write(join(tree, 'DEBIAN/control'), control);
    for (const [path, content] of Object.entries(one.files)) await write(join(tree, path), content);
    if (one.name === 'base-files') {
      await mkdir(join(tree, 'etc'), { recursive: true });
      await symlink('../usr/lib/os-release', join(tree, 'etc/os-release'));
    }
    if (one.name === 'busybox-static') {
      await mkdir(join(tree, 'bin'), { recursive: true });
      await copyFile('/bin/busybox', join(tree, 'bin/busybox'));
    }
    const path = `pool/${one.name}_${one.version.replace(/^\d+:/, '')}_${architecture}.deb`;
    const file = join(this.#folder, archive, path);
    await mkdir(dirname(file), { recursive: true });
    await exec('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, file]);
    await rm(tree, { recursive: true });
    const bytes = await readFile(file);
    const entry = `${control}Filename: ${path}\nSize: ${bytes.length}\nSHA256: ${sha256(bytes)}\n`;
    this.#entries.set(suite, [...(this.#entries.get(suite) ?? []), entry]);
  }

  /** Waits until a path that contains `part` is asked for, from now on. */
  async whenAsked(part: string): Promise<void> {
    for await (const [path] of on(this.events, 'asked')) if (String(path).includes(part)) return;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = promisify(this.#server.close.bind(this.#server))();
    this.#server.closeAllConnections();
    await closed;
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    this.events.emit('asked', path);
    if (this.mood === 'silent') return;
    const body = this.#index(path) ?? (await this.#package(path));
    if (body === undefined) response.writeHead(404).end();
    else if (this.mood === 'stalling-packages' && path.includes('/pool/'))
      response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, 100));
    else response.writeHead(200, { 'content-length': body.length }).end(body);
  }

  #index(path: string): Buffer | undefined {
    const [, archive, suite = '', name] = /^\/([^/]+)\/dists\/([^/]+)\/(.+)$/.exec(path) ?? [];
    if (!isSuite(suite) || suites[suite] !== archive) return undefined;
    const packages = Buffer.from((this.#entries.get(suite) ?? []).join('\n'));
    const listed = `main/binary-${architecture}/Packages`;
    if (name === listed)
      return this.mood === 'tampered' ? Buffer.concat([packages, Buffer.from('\n')]) : packages;
    if (name !== 'InRelease') return undefined;
    const release =
      `Origin: Test\nLabel: Test\nSuite: ${suite}\nCodename: ${suite}\nDate: ${new Date().toUTCString()}\n` +
      `Architectures: ${architecture}\nComponents: main\nSHA256:\n ${sha256(packages)} ${packages.length} ${listed}\n`;
    return Buffer.from((this.mood === 'wrong-key' ? this.#strangeKey : this.#key).clearSigned(release));
  }

  async #package(path: string): Promise<Buffer | undefined> {
    const file = join(this.#folder, decodeURIComponent(path));
    const isThere = this.mood !== 'no-packages' && path.includes('/pool/') && !path.includes('..');
    return isThere && (await stat(file).catch(() => undefined)) ? readFile(file) : undefined;
  }
}

function isSuite(text: string): text is MirrorSuite {
  return Object.hasOwn(suites, text);
}

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
