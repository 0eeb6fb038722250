import type { ImageFacts } from '#domain/disk/facts.ts';

/** How many images need each blob and snapshot: one goes with the last of them, unless somebody else needs it. */
export class PartCounts {
  readonly #counts = new Map<string, number>();
  readonly #pinned: (part: string) => boolean;

  constructor(images: Iterable<Pick<ImageFacts, 'parts'>>, pinned: (part: string) => boolean) {
    this.#pinned = pinned;
    for (const { parts } of images)
      for (const part of parts.keys()) this.#counts.set(part, (this.#counts.get(part) ?? 0) + 1);
  }

  has(part: string): boolean {
    return (this.#counts.get(part) ?? 0) > 0;
  }

  /** Takes an image's parts away. Gives the bytes of those that are free then. */
  drop(parts: ImageFacts['parts']): number {
    let bytes = 0;
    for (const [part, size] of parts) {
      const left = (this.#counts.get(part) ?? 1) - 1;
      this.#counts.set(part, left);
      if (left === 0 && !this.#pinned(part)) bytes += size;
    }
    return bytes;
  }
}
