import { watch } from 'node:fs';

/** Tells when something in a folder changed (inotify), without missing what came between two waits. */
export class FolderChanges implements Disposable {
  #changed = false;
  #wake: () => void = () => undefined;
  readonly #stop: () => void;

  constructor(folder: string) {
    const watcher = watch(folder, () => this.nudge());
    watcher.on('error', () => this.nudge());
    this.#stop = () => watcher.close();
  }

  /** Wakes the one who waits, or lets the next wait return at once. */
  nudge(): void {
    this.#changed = true;
    this.#wake();
  }

  async wait(): Promise<void> {
    if (!this.#changed) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#changed = false;
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}
