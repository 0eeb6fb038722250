import { forbidden, notFound } from '#base/errors.ts';
import { checkImmutable, isImmutable, type ImmutableTags } from '#domain/registry/immutability.ts';
import { roomIn, type Quota } from '#domain/registry/quota.ts';
import { checkRule, type RetentionRule } from '#domain/registry/retention.ts';
import type { Content } from '#engine/registry/content.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/** Rules of one kind, each once by its key. */
export class RuleSet<T extends { repositories: string }> {
  readonly #stored: Collection<T>;
  readonly #rules: Map<string, T>;
  readonly #keyOf: (rule: Partial<T>) => string;
  readonly #check: (rule: T) => T;

  constructor(stored: Collection<T>, keyOf: (rule: Partial<T>) => string, check: (rule: T) => T) {
    this.#stored = stored;
    this.#rules = new Map(stored.entries());
    this.#keyOf = keyOf;
    this.#check = check;
  }

  list(): T[] {
    return [...this.#rules.values()];
  }

  /** Adds a rule, or changes the one with the same key. @throws invalid `registry-pattern-invalid`, and as the kind's check */
  set(rule: T): T {
    const checked = this.#check(rule);
    const key = this.#keyOf(checked);
    this.#stored.put(key, checked);
    this.#rules.set(key, checked);
    return checked;
  }

  /** @throws not-found `registry-rule-missing` */
  remove(named: Partial<T>): void {
    const key = this.#keyOf(named);
    if (!this.#rules.delete(key))
      throw notFound('registry-rule-missing', `there is no such rule: '${key}'`, {
        hint: `there are: ${[...this.#rules.keys()].map((known) => `'${known}'`).join(', ') || 'none of its kind'}`,
      });
    this.#stored.delete(key);
  }
}

/** What people want of the registry's content: which tags go, which never change, and how much there may be. */
export class Rules {
  readonly retention: RuleSet<RetentionRule>;
  readonly immutable: RuleSet<ImmutableTags>;
  readonly quotas: RuleSet<Quota>;
  readonly #content: Content;

  constructor(store: StateStore, content: Content) {
    const byTags = ({ repositories, tags }: Partial<ImmutableTags>): string =>
      `${repositories ?? ''} ${tags ?? ''}`;
    this.retention = new RuleSet(store.collection<RetentionRule>('registry-retention'), byTags, checkRule);
    this.immutable = new RuleSet(
      store.collection<ImmutableTags>('registry-immutable'),
      byTags,
      checkImmutable,
    );
    this.quotas = new RuleSet(
      store.collection<Quota>('registry-quotas'),
      ({ repositories, scope }) => `${repositories ?? ''} ${scope ?? ''}`,
      (quota) => quota,
    );
    this.#content = content;
  }

  isImmutable(repository: string, tag: string): boolean {
    return isImmutable(this.immutable.list(), repository, tag);
  }

  /** @throws forbidden `registry-tag-immutable` when it is there and names something else */
  refuseMove(repository: string, tag: string, digest: string): void {
    const current = this.#content.tag(repository, tag)?.digest;
    if (current === undefined || current === digest || !this.isImmutable(repository, tag)) return;
    throw forbidden(
      'registry-tag-immutable',
      `the tag '${tag}' of '${repository}' is immutable and names ${current}`,
      { hint: 'push it under another tag' },
    );
  }

  /** @throws forbidden `registry-tag-immutable` */
  refuseRemoval(repository: string, tags: readonly string[]): void {
    const kept = tags.find((tag) => this.isImmutable(repository, tag));
    if (kept === undefined) return;
    throw forbidden('registry-tag-immutable', `the tag '${kept}' of '${repository}' is immutable`, {
      hint: 'berth registry immutable ls shows the rule that says so',
    });
  }

  /** Bytes that a repository may still take; Infinity without a quota. */
  room(repository: string): number {
    return this.#room(repository)?.bytes ?? Infinity;
  }

  /** @throws forbidden `registry-quota-exceeded` when it may not take so many bytes more */
  requireRoom(repository: string, bytes: number): void {
    const room = this.#room(repository);
    if (room === undefined || bytes <= room.bytes) return;
    const { repositories, limit, scope } = room.quota;
    const who =
      scope === 'each' ? `'${repository}' may hold` : `the repositories '${repositories}' may hold together`;
    throw forbidden(
      'registry-quota-exceeded',
      `${who} ${limit} bytes: there is room for ${room.bytes}, and ${bytes} were to come`,
      {
        hint: `remove tags, then berth registry gc; or berth registry quotas set '${repositories}' with more`,
      },
    );
  }

  #room(repository: string): ReturnType<typeof roomIn> {
    const quotas = this.quotas.list();
    if (quotas.length === 0) return undefined;
    const names = new Set([...this.#content.repositories(), repository]);
    return roomIn(quotas, repository, new Map([...names].map((name) => [name, this.#content.size(name)])));
  }
}
