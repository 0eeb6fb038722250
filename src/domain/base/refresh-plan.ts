/** A tag of an image, with what a plan needs to know of it. */
export interface RefreshCandidate {
  /** Fully qualified tag. */
  name: string;
  imageId: string;
  /** How it can be had anew; `unknown` with what stands in the way, for people. */
  origin: { kind: 'make' | 'pull' | 'build' } | { kind: 'unknown'; reason: string };
  /** The images that it is built upon, and those that its build took files from, as far as they are here. */
  parentIds: readonly string[];
  /** Whether the mirror has newer packages than it has. */
  outdated: boolean;
  /** Names by which its build took images and which stand for others now. */
  moved: readonly string[];
  /** Why a build without the cache would bring nothing newer, for people. */
  tried?: string;
}

export interface RefreshStep {
  name: string;
  imageId: string;
  action: 'make' | 'pull' | 'build';
  /** The steps before it, by their names, that it comes to nothing without. */
  after: string[];
  /** Nothing that was built before serves: what it is built upon stays the same. */
  noCache: boolean;
}

export interface RefreshPlan {
  /** In order: each after those that it is built upon. */
  steps: RefreshStep[];
  /** What would have to be refreshed and cannot be, with the reason. */
  blocked: { name: string; reason: string }[];
}

/**
 * The steps that refresh what is outdated and all that is built upon it.
 * @param only of these images, what they are built upon and what is built upon them; absent: all
 */
export function planRefresh(
  candidates: readonly RefreshCandidate[],
  only?: ReadonlySet<string>,
): RefreshPlan {
  const ordered = inOrder(candidates);
  const wanted = wantedIds(ordered, only);
  const steps: RefreshStep[] = [];
  const blocked: RefreshPlan['blocked'] = [];
  for (const { name, imageId, origin, parentIds, outdated, moved, tried } of ordered) {
    if (!wanted.has(imageId)) continue;
    if (origin.kind === 'unknown') {
      blocked.push({ name, reason: origin.reason });
      continue;
    }
    const after = steps.filter((step) => parentIds.includes(step.imageId)).map((step) => step.name);
    const noCache = origin.kind === 'build' && outdated && moved.length === 0 && after.length === 0;
    if (noCache && tried !== undefined) blocked.push({ name, reason: tried });
    else steps.push({ name, imageId, action: origin.kind, after, noCache });
  }
  return { steps, blocked };
}

const ranks = { make: 0, pull: 1, build: 2, unknown: 3 } as const;

/** Each after those that it is built upon; else what is made before what is pulled before what is built, and by name. */
function inOrder(candidates: readonly RefreshCandidate[]): RefreshCandidate[] {
  const byId = Map.groupBy(
    candidates.toSorted(
      (a, b) =>
        ranks[a.origin.kind] - ranks[b.origin.kind] || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
    ),
    ({ imageId }) => imageId,
  );
  const seen = new Set<string>();
  const ordered: RefreshCandidate[] = [];
  const visit = (imageId: string): void => {
    // Names that were built in turns of one another would lead around for ever.
    if (seen.has(imageId)) return;
    seen.add(imageId);
    const own = byId.get(imageId) ?? [];
    for (const parent of own.flatMap(({ parentIds }) => parentIds)) visit(parent);
    ordered.push(...own);
  };
  for (const imageId of byId.keys()) visit(imageId);
  return ordered;
}

/** Ids of outdated images and of all that is built upon them. */
function wantedIds(ordered: readonly RefreshCandidate[], only: ReadonlySet<string> | undefined): Set<string> {
  const reasons = ordered.filter(({ outdated, moved }) => outdated || moved.length > 0);
  const wanted = withDescendants(ordered, new Set(reasons.map(({ imageId }) => imageId)));
  if (only === undefined) return wanted;
  const ancestors = new Set(only);
  for (const { imageId, parentIds } of ordered.toReversed())
    if (ancestors.has(imageId)) for (const parent of parentIds) ancestors.add(parent);
  const descendants = withDescendants(ordered, only);
  return new Set([...wanted].filter((id) => ancestors.has(id) || descendants.has(id)));
}

/** Goes on until nothing more is found: names that were built of one another in turns have no order. */
function withDescendants(ordered: readonly RefreshCandidate[], ids: ReadonlySet<string>): Set<string> {
  const found = new Set(ids);
  for (let before = -1; before < found.size;) {
    before = found.size;
    for (const { imageId, parentIds } of ordered)
      if (parentIds.some((parent) => found.has(parent))) found.add(imageId);
  }
  return found;
}
