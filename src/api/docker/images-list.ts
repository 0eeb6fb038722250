import { filters, flag, isTrue, labelsMatch, type Filters, type Query } from '#api/docker/query.ts';
import { imageSummary, manifestJson } from '#api/docker/image-json.ts';
import { momentOf } from '#api/docker/prune-filters.ts';
import { invalid } from '#base/errors.ts';
import { compileGlob } from '#domain/build/glob.ts';
import { chainIds } from '#domain/image/chain.ts';
import type { Image } from '#domain/image/image.ts';
import type { ManifestState } from '#domain/image/image-index.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import { familiarName } from '#domain/image/reference.ts';
import type { Containers, Images } from '#engine/contracts.ts';
import { compareVersions } from '#api/versions.ts';

const accepted = ['dangling', 'label', 'label!', 'before', 'since', 'reference', 'until'];

export interface ListParts {
  images: Images;
  containers: Pick<Containers, 'list'>;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** GET /images/json, the newest first. */
export async function listImages(options: ListParts, query: Query, version: string): Promise<object[]> {
  const { images } = options;
  const parts = images.parts();
  const wanted = withOldFilter(filters(query, accepted), query, version);
  const parents = new Set(images.list().map((image) => image.parent));
  checkPatterns(wanted);
  const isListed = chooser(images, wanted, options.now());
  const shared = flag(query, 'shared-size') ? await sharedSizes(images) : undefined;
  const users = usersByImage(options);
  const shown = images
    .list()
    .filter((image) => !parts.has(image.id) && isListed(image))
    .filter((image) => flag(query, 'all') || !isUnnamed(image) || !parents.has(image.id))
    .map((image) => ({ image, tags: shownTags(image, wanted) }))
    .filter(({ image, tags }) => !wanted.has('reference') || tags.length > 0 || digestMatches(image, wanted))
    .sort((a, b) => newestFirst(a.image, b.image));
  const withManifests = flag(query, 'manifests') && compareVersions(version, '1.47') >= 0;
  return Promise.all(
    shown.map(async ({ image, tags }) =>
      imageSummary(image, {
        version,
        tags,
        size: membersOf(images, image).reduce((sum, { size }) => sum + size, 0),
        users: membersOf(images, image).flatMap(({ id }) => users.get(id) ?? []),
        sharedSize: shared?.get(image.id) ?? -1,
        manifests: withManifests ? await summaryManifests(images, image, users) : undefined,
      }),
    ),
  );
}

async function summaryManifests(
  images: Images,
  image: Image,
  users: Users,
): Promise<{ descriptor: Descriptor; all: object[] }> {
  const [name = image.id] = image.tags;
  const states = await images.manifests(name);
  return { descriptor: await images.descriptor(name), all: statesJson(states, users) };
}

/** The images of all platforms that an image's name stands for. */
export function membersOf(images: Images, image: Image): Image[] {
  const index = images.index(image.tags[0] ?? image.id);
  const others = Object.values(index?.images ?? {}).filter((id) => id !== image.id);
  return [image, ...others.flatMap((id) => images.find(id) ?? [])];
}

/** The entries of the index that a name stands for, with the containers of each. */
export async function manifestsJson(parts: ListParts, name: string): Promise<object[]> {
  return statesJson(await parts.images.manifests(name), usersByImage(parts));
}

function statesJson(states: readonly ManifestState[], users: Users): object[] {
  return states.map((state) => manifestJson(state, users.get(state.image?.id ?? '') ?? []));
}

/** Ids of containers, by that of their image. */
type Users = ReadonlyMap<string, string[]>;

function usersByImage({ containers }: ListParts): Users {
  const users = new Map<string, string[]>();
  for (const { id, imageId } of containers.list()) users.set(imageId, [...(users.get(imageId) ?? []), id]);
  return users;
}

/** Before 1.41 the parameter `filter` named a reference. */
function withOldFilter(wanted: Filters, query: Query, version: string): Filters {
  const { filter = '' } = query;
  if (filter === '' || compareVersions(version, '1.41') >= 0) return wanted;
  return new Map([...wanted, ['reference', [filter]]]);
}

function newestFirst(a: Image, b: Image): number {
  return createdAt(b) - createdAt(a) || (a.id < b.id ? -1 : 1);
}

function createdAt(image: Image): number {
  return Date.parse(image.config.created ?? '') || 0;
}

function isUnnamed(image: Image): boolean {
  return image.tags.length + image.repoDigests.length === 0;
}

function chooser(images: Images, wanted: Filters, now: number): (image: Image) => boolean {
  const edge = (key: string): number[] => (wanted.get(key) ?? []).map((name) => createdAt(images.get(name)));
  const before = Math.min(
    ...edge('before'),
    ...(wanted.get('until') ?? []).map((text) => momentOf(text, now)),
  );
  const since = Math.max(...edge('since'));
  const dangling = wanted.has('dangling') ? isTrue(wanted, 'dangling') : undefined;
  return (image) =>
    createdAt(image) < before &&
    createdAt(image) > since &&
    (dangling === undefined || dangling === isUnnamed(image)) &&
    labelsMatch(image.config.config?.Labels ?? {}, wanted);
}

function shownTags(image: Image, wanted: Filters): string[] {
  const patterns = wanted.get('reference');
  if (patterns === undefined) return image.tags;
  return image.tags.filter((tag) => patterns.some((pattern) => nameMatches(familiarName(tag), pattern)));
}

function digestMatches(image: Image, wanted: Filters): boolean {
  const patterns = wanted.get('reference') ?? [];
  return image.repoDigests.some((name) =>
    patterns.some((pattern) => nameMatches(familiarName(name), pattern)),
  );
}

/** @throws invalid `filter-invalid` in Docker's words */
function checkPatterns(wanted: Filters): void {
  for (const pattern of wanted.get('reference') ?? [])
    try {
      compileGlob(pattern, { deep: false });
    } catch (cause) {
      throw invalid('filter-invalid', 'syntax error in pattern', { cause });
    }
}

/** As distribution's FamiliarMatch: the whole name, or the name without tag and digest. */
function nameMatches(name: string, pattern: string): boolean {
  const plain = name.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  const glob = compileGlob(pattern, { deep: false });
  return glob.test(name) || glob.test(plain);
}

/** For each image the bytes of its layers that another image has too. */
async function sharedSizes(images: Images): Promise<Map<string, number>> {
  const uses = new Map<string, number>();
  for (const image of images.list())
    for (const chainId of chainIds(image.config.rootfs.diff_ids))
      uses.set(chainId, (uses.get(chainId) ?? 0) + 1);
  const sizes = new Map<string, number>();
  for (const image of images.list()) {
    // The steps that made a layer come in the same order as the layers, from the top down.
    const steps = (await images.history(image.id)).filter(({ entry }) => entry.empty_layer !== true);
    const chain = chainIds(image.config.rootfs.diff_ids).reverse();
    const shared = steps.filter((_, i) => (uses.get(chain[i] ?? '') ?? 0) > 1);
    sizes.set(
      image.id,
      shared.reduce((sum, { size }) => sum + size, 0),
    );
  }
  return sizes;
}
