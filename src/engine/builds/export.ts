import type { Readable } from 'node:stream';
import type { Image } from '#domain/image/image.ts';
import { descriptorOfIndex, subjectOf, type ImageIndex } from '#domain/image/image-index.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import type { BuildOutput, BuildRequest, Images, Predicate } from '#engine/contracts.ts';
import { isInlineOnly } from '#engine/builds/attesting.ts';
import { noImage } from '#engine/builds/failures.ts';
import type { Vertex } from '#engine/builds/vertices.ts';

/** What a build has made for one platform. */
export interface MadeImage {
  image: Image;
  predicates: readonly Predicate[];
}

type ArchiveOutput = Extract<BuildOutput, { kind: 'oci' | 'docker' }>;

interface Stored {
  /** The one that the names mean on this machine. */
  image: Image;
  index?: ImageIndex;
}

/**
 * What a build has made, on its way to the outputs: once, and under the names of all of them. Several platforms make an index,
 * and so do attestations where an output holds one.
 */
export class Export {
  readonly #images: Images;
  readonly made: readonly MadeImage[];
  readonly #names: readonly string[];
  readonly #inArchives: boolean;
  readonly #isIndex: boolean;
  #stored: Promise<Stored> | undefined;

  constructor(
    images: Images,
    request: BuildRequest,
    outputs: readonly BuildOutput[],
    made: readonly MadeImage[],
  ) {
    const isAttested = made.some(({ predicates }) => predicates.length > 0);
    this.#images = images;
    this.made = made;
    this.#names = [...new Set(outputs.flatMap((output) => ('names' in output ? output.names : [])))];
    this.#inArchives = made.length > 1 || (isAttested && !isInlineOnly(request));
    const holds = ({ kind }: BuildOutput): boolean =>
      kind === 'image' || (kind === 'oci' && this.#inArchives);
    this.#isIndex = made.length > 1 || (isAttested && outputs.some(holds));
  }

  /** Brings it into the images of this engine, the first time, and tells so. */
  async make(vertex: Vertex): Promise<Stored> {
    this.#stored ??= this.#isIndex ? this.#storeIndex() : this.#tag();
    const { image, index } = await this.#stored;
    await vertex.note('exporting layers');
    for (const each of index?.manifests ?? []) {
      const id = index?.images[each.digest];
      const what = subjectOf(each) === undefined ? 'manifest' : 'attestation manifest';
      await vertex.note(`exporting ${what} ${each.digest}`);
      if (id !== undefined) await vertex.note(`exporting config ${id}`);
    }
    await vertex.note(
      index === undefined ? `writing image ${image.id}` : `exporting manifest list ${index.digest}`,
    );
    return { image, ...(index !== undefined && { index }) };
  }

  async image(): Promise<Image> {
    const stored = await this.#stored;
    return this.#images.get((stored?.image ?? this.#first).id);
  }

  /** Of the index, where there is one. */
  async target(): Promise<Descriptor> {
    const stored = await this.#stored;
    if (stored?.index !== undefined) return descriptorOfIndex(stored.index);
    return this.#images.manifestOf((stored?.image ?? this.#first).id);
  }

  /** Under the output's names; its one image where the output holds no index. */
  async archive({ kind, names }: ArchiveOutput): Promise<Readable> {
    const { image, index } = (await this.#stored) ?? { image: this.#first };
    if (index !== undefined && kind === 'oci' && this.#inArchives)
      return this.#images.save(names.length > 0 ? names : [index.digest]);
    return this.#images.save(names.length > 0 ? names : [image.id], image.config);
  }

  get #first(): Image {
    const [first] = this.made;
    if (first === undefined) throw noImage();
    return first.image;
  }

  async #storeIndex(): Promise<Stored> {
    const names = { names: this.#names, subjects: this.#names };
    const entries = this.made.map(({ image: { id }, predicates }) => ({ id, predicates }));
    const index = await this.#images.storeIndex(names, entries);
    return { image: this.#images.get(index.digest), index };
  }

  /** Of the image alone, whatever index it came in before. */
  async #tag(): Promise<Stored> {
    const image = this.#first;
    for (const name of this.#names) await this.#images.tag(image.id, name, image.config);
    return { image };
  }
}
