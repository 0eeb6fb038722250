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
  /** The revision to which it went back: whose target it has. */
  of?: number;
  /** What kept it from getting well; the number is used up all the same. Absent: it was well. */
  failure?: string;
  /** It failed, and stands half-way, as its `failure_action` says. */
  paused?: true;
  /** What was different from the revision before, in words and without a value. */
  changes: string[];
  folder: string;
  files: string[];
  /** Fingerprint of the texts of the compose files; '' when it was made without them. */
  sources: string;
  /** Every service has its `imageId`, unless it failed. */
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

  /** The number that the next one gets. @param inForce of the record */
  next(app: string, inForce: number): number {
    return Math.max(inForce, this.list(app).at(-1)?.number ?? 0) + 1;
  }

  /** Adds one and lets go of the oldest, so that at most `kept` that were well, and as many that failed, are left. */
  add(revision: Revision, kept: number): void {
    this.#put(revision);
    const list = this.#listOf(revision.app);
    const isFailed = revision.failure !== undefined;
    const alike = list.filter((one) => (one.failure !== undefined) === isFailed);
    for (const old of alike.slice(0, Math.max(0, alike.length - kept))) {
      this.#stored.delete(keyOf(old));
      list.splice(list.indexOf(old), 1);
    }
  }

  /** This one is well after all, and nothing stands half-way any more. */
  settle(app: string, number: number): void {
    for (const { failure, paused, ...rest } of [...this.list(app)])
      if (rest.number === number && failure !== undefined) this.#put(rest);
      else if (paused === true) this.#put({ ...rest, ...(failure === undefined ? {} : { failure }) });
  }

  #put(revision: Revision): void {
    this.#stored.put(keyOf(revision), revision);
    const list = this.#listOf(revision.app);
    const at = list.findIndex((one) => one.number >= revision.number);
    if (at < 0) list.push(revision);
    else list.splice(at, list[at]?.number === revision.number ? 1 : 0, revision);
  }

  forget(app: string): void {
    for (const revision of this.list(app)) this.#stored.delete(keyOf(revision));
    this.#kept.delete(app);
  }

  /** The revisions that need an image, by its id: those that one can go back to. */
  needing(imageId: string): Revision[] {
    return [...this.#kept.values()]
      .flat()
      .filter(
        ({ target, failure }) =>
          failure === undefined && target.services.some((one) => one.imageId === imageId),
      );
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
