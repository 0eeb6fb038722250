import type { Image } from '#domain/image/image.ts';
import type { Events } from '#engine/contracts.ts';
import type { Images } from '#engine/images/images.ts';
import type { Clock } from '#ports/clock.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

interface Use {
  /** Milliseconds since 1970. */
  used: number;
}

/** How much later a use must be to be worth writing down. */
const graceMs = 600_000;

export interface ImageUseParts {
  store: StateStore;
  images: Pick<Images, 'list' | 'find' | 'users'>;
  events: Pick<Events, 'read'>;
  clock: Pick<Clock, 'now'>;
  report: (problem: string, error: unknown) => void;
}

/** When somebody needed an image last: a container was made from it, it was named, pulled or built upon, or is in use. */
export class ImageUse {
  readonly #parts: ImageUseParts;
  readonly #stored: Collection<Use>;
  readonly #uses: Map<string, number>;

  constructor(parts: ImageUseParts) {
    this.#parts = parts;
    this.#stored = parts.store.collection<Use>('image-use');
    this.#uses = new Map(this.#stored.entries().map(([id, { used }]) => [id, used]));
  }

  /** Milliseconds since 1970. */
  of(image: Image): number {
    return Math.max(Date.parse(image.stored), this.#uses.get(image.id) ?? 0);
  }

  /** Follows containers and images until the signal: one that lives for a moment between two looks counts too. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted)
      try {
        for await (const { type, action, id, attributes } of this.#parts.events.read({ signal })) {
          if (type === 'container' && (action === 'create' || action === 'destroy'))
            this.#noteName(attributes['image'] ?? '');
          if (type === 'image' && (action === 'tag' || action === 'pull' || action === 'push'))
            this.#noteName(id);
        }
      } catch (error) {
        this.#parts.report('the use of images could not be followed', error);
      }
  }

  /** What is needed now; forgets images that are gone. */
  look(): void {
    const images = this.#parts.images.list();
    for (const { id, parent } of images) {
      if (this.#parts.images.users(id).length > 0) this.#note(id);
      if (parent !== undefined) this.#note(parent);
    }
    const there = new Set<string>(images.map(({ id }) => id));
    for (const id of [...this.#uses.keys()])
      if (!there.has(id)) {
        this.#uses.delete(id);
        this.#stored.delete(id);
      }
  }

  #noteName(name: string): void {
    const image = name === '' ? undefined : this.#parts.images.find(name);
    if (image !== undefined) this.#note(image.id);
  }

  #note(id: string): void {
    const used = this.#parts.clock.now();
    if (used - (this.#uses.get(id) ?? 0) < graceMs) return;
    this.#uses.set(id, used);
    this.#stored.note(id, { used });
  }
}
