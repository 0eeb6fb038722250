import type { HostLinks } from './host-links.ts';

/** So long the kernel mostly needs to take a namespace and its links away by itself, which costs nobody a wait. */
const graceMillis = 2000;

/**
 * The ends of links on the host, by the namespace that they lead to. The kernel removes them with the namespace, but a
 * connection of a killed process that says goodbye to a peer which does not answer keeps that for two minutes
 * (tcp_orphan_retries), with its addresses: then its links are removed by name.
 */
export class HostEnds {
  readonly #links: Pick<HostLinks, 'removeLink'>;
  readonly #names = new Map<string, string[]>();

  constructor(links: Pick<HostLinks, 'removeLink'>) {
    this.#links = links;
  }

  /** The host's end `name` leads to the namespace at `path`. */
  made(path: string, name: string): void {
    this.#names.set(path, [...(this.#names.get(path) ?? []), name]);
  }

  /** The namespace at `path` has been let go of. */
  dropped(path: string): void {
    const names = this.#names.get(path);
    if (names === undefined) return;
    this.#names.delete(path);
    setTimeout(() => this.#remove(names), graceMillis).unref();
  }

  #remove(names: readonly string[]): void {
    for (const name of names)
      try {
        this.#links.removeLink(name);
      } catch {
        // It goes with its namespace, only later; nobody waits for it here.
      }
  }
}
