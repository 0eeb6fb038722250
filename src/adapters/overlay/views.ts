import { randomUUID } from 'node:crypto';
import { mkdirSync, rmdirSync } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { mount, MS, unmountIfMounted } from '#adapters/linux/libc.ts';
import { mountOverlay } from '#adapters/linux/overlay.ts';

/** Layers that somebody looks at, each time at a place of its own, which is gone afterwards. */
export class Views {
  readonly #place: string;

  /** @param place absolute path of a folder for nothing else */
  constructor(place: string) {
    this.#place = place;
  }

  /** @param layers folders, the topmost first */
  async use<T>(layers: string[], work: (root: string) => Promise<T>): Promise<T> {
    const target = join(this.#place, randomUUID());
    mkdirSync(target, { mode: 0o700 });
    try {
      mountReadOnly(layers, target);
      return await work(target);
    } finally {
      unmountIfMounted(target);
      rmdirSync(target);
    }
  }

  /** Takes away what a crash left. @param mounts all mount points */
  async clear(mounts: ReadonlySet<string>): Promise<void> {
    for (const path of mounts) if (path.startsWith(`${this.#place}/`)) unmountIfMounted(path);
    for (const name of await readdir(this.#place)) await rmdir(join(this.#place, name));
  }
}

/** A single layer needs no overlay, and overlayfs refuses a read-only one with less than two. */
function mountReadOnly(layers: string[], target: string): void {
  const [only, ...others] = layers;
  if (only !== undefined && others.length === 0) {
    mount(only, target, null, MS.BIND);
    mount(null, target, null, MS.BIND | MS.REMOUNT | MS.RDONLY);
  } else mountOverlay({ lower: layers, target });
}
