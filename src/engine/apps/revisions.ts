import { notFound } from '#base/errors.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/** What an app once was: all that is needed to make it so again. */
export interface Revision {
  app: string;
  /** From 1. */
  number: number;
  /** RFC 3339. */
  created: string;
  /** Who asked for it: a user of this machine, or `berth` itself. */
  by: string;
  /** The command: `up`, `rollback to revision 3` ... */
  reason: string;
  /** What was different from the revision before, in words and without a value. */
  changes: string[];
  folder: string;
  files: string[];
  /** Fingerprint of the texts of the compose files; '' when it was made without them. */
  sources: string;
  /** Every service has its `imageId`. */
  target: AppTarget;
}

/** The last revisions of each app, in the order of their numbers. */
export class Revisions {
  readonly #stored: Collection<Revision>;
  readonly #kept = new Map<string, Revision[]>();

  constructor(store: StateStore) {
    this.#stored = store.collection<Revision>('revisions');
    for (const [, revision] of this.#stored.entries()) this.#listOf(revision.app).push(revision);
    for (const list of this.#kept.values()) list.sort((a, b) => a.number - b.number);
  }

  list(app: string): readonly Revision[] {
    return this.#kept.get(app) ?? [];
  }

  /** @throws not-found `app-revision-missing` naming those that are kept */
  get(app: string, number: number): Revision {
    const found = this.list(app).find((one) => one.number === number);
    if (found !== undefined) return found;
    const kept = this.list(app).map((one) => one.number);
    const what = kept.length === 0 ? 'none is kept' : `kept are ${kept.join(', ')}`;
    throw notFound('app-revision-missing', `the app ${app} has no revision ${number}: ${what}`, {
      hint: 'berth history shows them; x-berth.update.history says how many are kept',
    });
  }

  /** Adds one and lets go of the oldest, so that at most `kept` are left. */
  add(revision: Revision, kept: number): void {
    const list = this.#listOf(revision.app);
    this.#stored.put(keyOf(revision), revision);
    list.push(revision);
    for (const old of list.splice(0, Math.max(0, list.length - kept))) this.#stored.delete(keyOf(old));
  }

  forget(app: string): void {
    for (const revision of this.list(app)) this.#stored.delete(keyOf(revision));
    this.#kept.delete(app);
  }

  /** The revisions that need an image, by its id. */
  needing(imageId: string): Revision[] {
    return [...this.#kept.values()]
      .flat()
      .filter(({ target }) => target.services.some((one) => one.imageId === imageId));
  }

  #listOf(app: string): Revision[] {
    const list = this.#kept.get(app) ?? [];
    this.#kept.set(app, list);
    return list;
  }
}

function keyOf({ app, number }: Revision): string {
  return `${app}/${number}`;
}
