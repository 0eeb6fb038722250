import type { Readable } from 'node:stream';
import type { Image } from '#domain/image/image.ts';
import { descriptorOfIndex, isManifestAlone, subjectOf, type ImageIndex } from '#domain/image/image-index.ts';
import type { Descriptor, Platform } from '#domain/image/manifest.ts';
import { formatPlatform, matchesPlatform } from '#domain/image/platform.ts';
import type { Annotated, BuildOutput, BuildRequest, Images, Predicate } from '#engine/contracts.ts';
import { annotationsAt, type Annotation } from '#domain/build/annotations.ts';
import { invalid } from '#base/errors.ts';
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
  readonly #annotations: readonly Annotation[];
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
    this.#annotations = request.annotations ?? [];
    this.made = made;
    this.#names = [...new Set(outputs.flatMap((output) => ('names' in output ? output.names : [])))];
    this.#inArchives = made.length > 1 || (isAttested && !isInlineOnly(request));
    const holds = ({ kind }: BuildOutput): boolean =>
      kind === 'image' || (kind === 'oci' && this.#inArchives);
    this.#isIndex = made.length > 1 || (isAttested && outputs.some(holds));
    this.#checkAnnotations();
  }

  /** Brings it into the images of this engine, the first time, and tells so. */
  async make(vertex: Vertex): Promise<Stored> {
    this.#stored ??= this.#isIndex ? this.#storeIndex() : this.#storeImage();
    const { image, index } = await this.#stored;
    await vertex.note('exporting layers');
    for (const each of index?.manifests ?? []) {
      const id = index?.images[each.digest];
      const what = subjectOf(each) === undefined ? 'manifest' : 'attestation manifest';
      await vertex.note(`exporting ${what} ${each.digest}`);
      if (id !== undefined) await vertex.note(`exporting config ${id}`);
    }
    if (index === undefined) await vertex.note(`writing image ${image.id}`);
    else if (!isManifestAlone(index)) await vertex.note(`exporting manifest list ${index.digest}`);
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
    if (index !== undefined && (isManifestAlone(index) || (kind === 'oci' && this.#inArchives)))
      return this.#images.save(names.length > 0 ? names : [index.digest]);
    // An id would stand for what it came with last.
    const own = index === undefined ? image.manifestDigest : image.id;
    return this.#images.save(names.length > 0 ? names : [own], image.config);
  }

  /** The annotations of a document and of what names it. */
  #notedOn(level: 'manifest' | 'index', platform?: Platform): Annotated {
    const own = annotationsAt(this.#annotations, level, platform);
    const outer = annotationsAt(this.#annotations, `${level}-descriptor`, platform);
    return {
      ...(own !== undefined && { annotations: own }),
      ...(outer !== undefined && { descriptor: outer }),
    };
  }

  /** @throws invalid `annotation-invalid` in BuildKit's words */
  #checkAnnotations(): void {
    for (const { level, platform } of this.#annotations) {
      if (level.startsWith('index') && !this.#isIndex)
        throw invalid('annotation-invalid', 'index annotations not supported for single platform export', {
          hint: 'manifest: and manifest-descriptor: are; several platforms or attestations make an index',
        });
      if (platform !== undefined && !this.made.some(({ image }) => matchesPlatform(image.config, platform)))
        throw invalid(
          'annotation-invalid',
          `invalid annotation: no platform ${formatPlatform(platform)} found in source`,
        );
    }
  }

  get #first(): Image {
    const [first] = this.made;
    if (first === undefined) throw noImage();
    return first.image;
  }

  async #storeIndex(): Promise<Stored> {
    const names = {
      ...{ names: this.#names, subjects: this.#names },
      ...this.#notedOn('index'),
    };
    const entries = this.made.map(({ image: { id, config }, predicates }) => ({
      ...{ id, predicates },
      ...this.#notedOn('manifest', config),
    }));
    const index = await this.#images.storeIndex(names, entries);
    return { image: this.#images.get(index.digest), index };
  }

  /** Of the image alone, whatever index it came in before. */
  async #storeImage(): Promise<Stored> {
    const image = this.#first;
    const noted = this.#notedOn('manifest', image.config);
    if (Object.keys(noted).length > 0)
      return { image, index: await this.#images.storeAnnotated(this.#names, { id: image.id, ...noted }) };
    for (const name of this.#names) await this.#images.tag(image.id, name, image.config);
    return { image };
  }
}
