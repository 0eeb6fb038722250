import { notFound } from '#base/errors.ts';
import { nearest } from '#base/nearest.ts';
import { baseRegistry } from '#domain/base/base-name.ts';
import { parentOf } from '#domain/base/lineage.ts';
import { catalogue, catalogueEntry, type CatalogueEntry } from '#domain/base/recipes/catalogue.ts';
import type { Image } from '#domain/image/image.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { Inventory } from '#domain/package/inventory.ts';
import type { Images } from '#engine/contracts.ts';
import type { Attachment, Attachments } from './attachments.ts';
import type { Inventories } from './inventories.ts';

/** An image of the catalogue, and those of it that are here. */
export interface ShelfEntry extends Pick<CatalogueEntry, 'name' | 'summary' | 'packages'> {
  images: Image[];
}

export interface ShownImage {
  image: Image;
  /** Absent: it has no package database. */
  inventory?: Inventory;
  attachments: Attachment[];
  /** The image that it was built upon, if that is here. */
  parent?: Image;
}

/** The catalogue of images that are made from packages, with what of it is here. */
export class Shelf {
  readonly #images: Pick<Images, 'list' | 'find'>;
  readonly #inventories: Inventories;
  readonly #attachments: Attachments;

  constructor(images: Pick<Images, 'list' | 'find'>, inventories: Inventories, attachments: Attachments) {
    this.#images = images;
    this.#inventories = inventories;
    this.#attachments = attachments;
  }

  list(): ShelfEntry[] {
    const made = this.#images.list();
    return catalogue.map(({ name, summary, packages }) => ({
      ...{ name, summary, packages },
      images: made.filter(({ tags }) => tags.some((tag) => isOf(tag, name))),
    }));
  }

  /** @param name of the catalogue, or of any image that is here. @throws not-found `base-unknown` */
  async show(name: string): Promise<{ entry?: ShelfEntry; images: ShownImage[] }> {
    const entry = this.list().find((one) => one.name === name);
    const named = this.#images.find(name);
    const images = entry?.images ?? (named === undefined ? [] : [named]);
    if (entry === undefined && named === undefined) throw this.#unknown(name);
    const shown = await Promise.all(images.map((image) => this.#shown(image)));
    return { images: shown, ...(entry === undefined ? {} : { entry }) };
  }

  /** An image that is here. @throws not-found `base-not-made`, `base-unknown` */
  image(name: string): Image {
    const image = this.#images.find(name) ?? this.list().find((one) => one.name === name)?.images[0];
    if (image !== undefined) return image;
    if (catalogueEntry(name) === undefined) throw this.#unknown(name);
    throw notFound('base-not-made', `the image '${name}' of the catalogue has not been made here yet`, {
      hint: `docker pull ${baseRegistry}/${name} makes it`,
    });
  }

  async #shown(image: Image): Promise<ShownImage> {
    const inventory = await this.#inventories.of(image);
    const parent = parentOf(
      image,
      this.#images.list().filter(({ tags }) => tags.length > 0),
    );
    return {
      image,
      attachments: this.#attachments.of(image.manifestDigest),
      ...(inventory === undefined ? {} : { inventory }),
      ...(parent === undefined ? {} : { parent }),
    };
  }

  #unknown(name: string): Error {
    const near = nearest(
      name,
      catalogue.map((entry) => entry.name),
    );
    return notFound(
      'base-unknown',
      `there is no image '${name}' here or in the catalogue${near === undefined ? '' : `; did you mean '${near}'?`}`,
      { hint: 'berth base ls lists the catalogue, docker images what is here' },
    );
  }
}

function isOf(tag: string, name: string): boolean {
  const { registry, repository } = parseReference(tag);
  return registry === baseRegistry && repository === name;
}
