import { mkdirSync } from 'node:fs';
import { unmountIfMounted } from '#adapters/linux/libc.ts';
import { toHost, type IdMappings, type Owner } from '#domain/user-namespace/id-mappings.ts';

export interface Remapping {
  mappings: IdMappings;
  /** Mounts a folder on another one so that the host's ids in it are seen, and made, as the containers'. */
  bindAsContainersSee(source: string, target: string): Promise<void>;
}

/**
 * The store of a daemon whose containers have remapped ids. On disk all files carry the host's ids; whoever reads or
 * writes them by the containers' own does so through a second, idmapped mount of the store. Files that only the host's
 * root may read are not readable through it, so that whole trees are removed and packed in the store itself.
 */
export class RemappedFolders {
  readonly mappings: IdMappings;
  /** On the host, of what is root's in a container. */
  readonly owner: Owner;
  readonly #place: string;
  readonly #view: string;
  readonly #remapping: Remapping;

  constructor(place: string, view: string, remapping: Remapping) {
    this.mappings = remapping.mappings;
    this.owner = toHost(remapping.mappings, { uid: 0, gid: 0 });
    this.#place = place;
    this.#view = view;
    this.#remapping = remapping;
  }

  /** In place of what a crash left there. */
  async mount(): Promise<void> {
    unmountIfMounted(this.#view);
    mkdirSync(this.#view, { recursive: true, mode: 0o711 });
    await this.#remapping.bindAsContainersSee(this.#place, this.#view);
  }

  /** Idempotent. */
  unmount(): void {
    unmountIfMounted(this.#view);
  }

  seen(path: string): string {
    return path.startsWith(`${this.#place}/`) ? `${this.#view}${path.slice(this.#place.length)}` : path;
  }
}
