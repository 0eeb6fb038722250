/** Which ids have a key, such as which containers are in a network; answered without looking at all of them. */
export class KeyIndex {
  readonly #idsOf = new Map<string, Set<string>>();
  readonly #keysOf = new Map<string, readonly string[]>();

  /** The keys that an id has from now on. */
  set(id: string, keys: readonly string[]): void {
    const before = this.#keysOf.get(id) ?? [];
    if (before.length === keys.length && before.every((key, at) => key === keys[at])) return;
    this.delete(id);
    if (keys.length > 0) this.#keysOf.set(id, keys);
    for (const key of keys) this.#enter(key, id);
  }

  delete(id: string): void {
    for (const key of this.#keysOf.get(id) ?? []) {
      const ids = this.#idsOf.get(key);
      ids?.delete(id);
      if (ids?.size === 0) this.#idsOf.delete(key);
    }
    this.#keysOf.delete(id);
  }

  /** In the order in which they came by it. */
  with(key: string): string[] {
    return [...(this.#idsOf.get(key) ?? [])];
  }

  #enter(key: string, id: string): void {
    const ids = this.#idsOf.get(key);
    if (ids === undefined) this.#idsOf.set(key, new Set([id]));
    else ids.add(id);
  }
}
