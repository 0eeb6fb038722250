import type { Container, ContainerState } from '#domain/container/container.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';
import { KeyIndex } from '#engine/containers/key-index.ts';
import { conflict, invalid, notFound } from '#base/errors.ts';

/**
 * The containers' documents: in memory, written through. A name belongs to one container from the moment
 * that its creation begins.
 */
export class ContainerRegistry {
  readonly #collection: Collection<Container>;
  readonly #documents = new Map<string, Container>();
  readonly #names = new Map<string, string>();
  readonly #byImage = new KeyIndex();
  readonly #byVolume = new KeyIndex();
  readonly #byNetwork = new KeyIndex();
  readonly #listeners = new Set<(container: Container) => void>();

  constructor(store: StateStore) {
    this.#collection = store.collection<Container>('containers');
  }

  /** Reads all documents; those whose creation was interrupted are given back and not shown to anybody. */
  load(): Container[] {
    const halfMade: Container[] = [];
    for (const [, container] of this.#collection.entries()) {
      if (container.pending === 'create') halfMade.push(container);
      else this.#show(container);
    }
    return halfMade;
  }

  list(): Container[] {
    return [...this.#documents.values()];
  }

  ofImage(imageId: string): Container[] {
    return this.#all(this.#byImage.with(imageId));
  }

  /** Those with a mount of the volume. */
  ofVolume(name: string): Container[] {
    return this.#all(this.#byVolume.with(name));
  }

  ofNetwork(networkId: string): Container[] {
    return this.#all(this.#byNetwork.with(networkId));
  }

  #all(ids: string[]): Container[] {
    return ids.flatMap((id) => this.#documents.get(id) ?? []);
  }

  byId(id: string): Container | undefined {
    return this.#documents.get(id);
  }

  /** By id, name (with or without slash), or unambiguous start of an id. @throws invalid `container-ambiguous` */
  find(ref: string): Container | undefined {
    const name = ref.startsWith('/') ? ref.slice(1) : ref;
    const exact = this.#documents.get(ref) ?? this.#documents.get(this.#names.get(name) ?? '');
    if (exact !== undefined || !/^[0-9a-f]{1,63}$/.test(ref)) return exact;
    const matches = [...this.#documents.keys()].filter((id) => id.startsWith(ref));
    if (matches.length > 1)
      throw invalid('container-ambiguous', `multiple IDs found with provided prefix: ${ref}`);
    return this.#documents.get(matches[0] ?? '');
  }

  /** @throws not-found `container-missing` */
  get(ref: string): Container {
    const found = this.find(ref);
    if (found !== undefined) return found;
    throw notFound('container-missing', `No such container: ${ref}`);
  }

  /** @throws conflict `container-name-taken` */
  reserve(name: string, id: string): void {
    const owner = this.#names.get(name);
    if (owner !== undefined)
      throw conflict(
        'container-name-taken',
        `Conflict. The container name "/${name}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name.`,
      );
    this.#names.set(name, id);
  }

  isNameTaken(name: string): boolean {
    return this.#names.has(name);
  }

  releaseName(name: string): void {
    this.#names.delete(name);
  }

  /** Records that a container is being made, before anything of it exists. */
  announce(container: Container): void {
    this.#collection.note(container.id, { ...container, pending: 'create' });
  }

  put(container: Container): Container {
    this.#collection.put(container.id, container);
    return this.#changed(container);
  }

  /** As `put`, for a state in between that no power cut leaves behind (`Collection.note`). */
  note(container: Container): Container {
    this.#collection.note(container.id, container);
    return this.#changed(container);
  }

  #changed(container: Container): Container {
    this.#show(container);
    for (const listener of this.#listeners) listener(container);
    return container;
  }

  setState(container: Container, state: Partial<ContainerState>): Container {
    return this.put({ ...container, state: { ...container.state, ...state } });
  }

  /** As `setState`, for what the next look at the container finds out again. */
  noteState(container: Container, state: Partial<ContainerState>): Container {
    return this.note({ ...container, state: { ...container.state, ...state } });
  }

  setTraffic(container: Container, traffic: Container['traffic']): void {
    const { traffic: before, ...rest } = container;
    if (traffic !== before) this.put(traffic === undefined ? rest : { ...rest, traffic });
  }

  /** Forgets a container and frees its name. */
  delete(container: Container): void {
    this.#collection.delete(container.id);
    this.#documents.delete(container.id);
    for (const index of [this.#byImage, this.#byVolume, this.#byNetwork]) index.delete(container.id);
    if (this.#names.get(container.name) === container.id) this.#names.delete(container.name);
  }

  onChange(listener: (container: Container) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #show(container: Container): void {
    const { id, mounts, endpoints } = container;
    this.#documents.set(id, container);
    this.#names.set(container.name, id);
    this.#byImage.set(id, [container.imageId]);
    this.#byVolume.set(
      id,
      mounts.flatMap(({ name }) => name ?? []),
    );
    this.#byNetwork.set(
      id,
      endpoints.map(({ networkId }) => networkId),
    );
  }
}

/** A document without the mark of an unfinished change. */
export function settled(container: Container): Container {
  const done = { ...container };
  delete done.pending;
  return done;
}
