import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run, type RunResult } from '../support/docker.ts';
import { readTree, type Tree } from '../support/image-trees.ts';

/** Podman, buildah and skopeo on a store of their own; disposal removes it. */
export class Tools implements AsyncDisposable {
  readonly #folder: string;

  /** @param folder an existing one on a disk, for the store */
  constructor(folder: string) {
    this.#folder = join(folder, 'storage');
  }

  get #store(): string[] {
    const { root, runRoot } = { root: join(this.#folder, 'root'), runRoot: join(this.#folder, 'run') };
    return ['--root', root, '--runroot', runRoot, '--storage-driver', 'overlay'];
  }

  /** Skopeo's name of an image in the store. */
  stored(image: string): string {
    const [root, runRoot] = [join(this.#folder, 'root'), join(this.#folder, 'run')];
    return `containers-storage:[overlay@${root}+${runRoot}]${image}`;
  }

  try(program: 'buildah' | 'podman', ...words: string[]): Promise<RunResult> {
    return run(program, [...this.#store, ...words]);
  }

  async buildah(...words: string[]): Promise<string> {
    return succeeded('buildah', words, await this.try('buildah', ...words));
  }

  async podman(...words: string[]): Promise<string> {
    return succeeded('podman', words, await this.try('podman', ...words));
  }

  /** `podman run --rm` without what needs systemd, and within this machine's limits. */
  runs(...words: string[]): Promise<string> {
    const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];
    return this.podman('run', '--rm', '--network', 'none', '--no-healthcheck', ...limits, ...words);
  }

  /** The tree of an image in the store. */
  async tree(image: string, leftOut: ReadonlySet<string> = new Set()): Promise<Tree> {
    const folder = (await this.podman('image', 'mount', image)).trim();
    const words = [
      '--format=pax',
      '--numeric-owner',
      '--xattrs',
      '--xattrs-include=*',
      '-c',
      '-C',
      folder,
      '.',
    ];
    const child = spawn('tar', words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [tree] = await Promise.all([readTree(child.stdout), once(child, 'close')]);
    await this.podman('image', 'unmount', image);
    return new Map([...tree].filter(([path]) => !leftOut.has(path)));
  }

  /** Docker's config of an image in the store, as JSON. */
  async config(image: string): Promise<string> {
    const parse: (text: string) => { config: unknown } = JSON.parse;
    return JSON.stringify(parse(await skopeo('inspect', '--config', '--raw', this.stored(image))).config);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.podman('rm', '-af', '-t', '0');
    await this.buildah('rm', '--all');
    await run('umount', [join(this.#folder, 'root', 'overlay')]);
    await rm(this.#folder, { recursive: true });
  }
}

export async function skopeo(...words: string[]): Promise<string> {
  return succeeded('skopeo', words, await run('skopeo', ['--insecure-policy', ...words]));
}

/** Copies between two of skopeo's places, without TLS. */
export function copy(from: string, to: string, ...words: string[]): Promise<string> {
  return skopeo('copy', '--src-tls-verify=false', '--dest-tls-verify=false', ...words, from, to);
}

export async function crane(...words: string[]): Promise<string> {
  return succeeded('crane', words, await run(process.env.CRANE ?? 'crane', words));
}

function succeeded(program: string, words: string[], { code, stdout, stderr }: RunResult): string {
  assert.equal(code, 0, `${program} ${words.join(' ')}: exit code ${code}\n${stderr}${stdout}`);
  return stdout;
}
