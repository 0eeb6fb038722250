/** A tag of an image that has newer packages, or is built upon one that has. */
export interface RefreshCandidate {
  /** Fully qualified tag. */
  name: string;
  imageId: string;
  /** How it can be had anew; `unknown` with what stands in the way, for people. */
  origin: { kind: 'make' | 'pull' | 'build' } | { kind: 'unknown'; reason: string };
  /** The image that it is built upon, if that is here. */
  parentId?: string;
  /** How many images it is built upon, one upon the other. */
  depth: number;
  /** Whether the mirror has newer packages than it has. */
  outdated: boolean;
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

const rank = { make: 0, pull: 1, build: 2 } as const;

/**
 * The steps that refresh what is outdated and all that is built upon it.
 * @param only of these images, what they are built upon and what is built upon them; absent: all
 */
export function planRefresh(
  candidates: readonly RefreshCandidate[],
  only?: ReadonlySet<string>,
): RefreshPlan {
  const wanted = wantedIds(candidates, only);
  const chosen = candidates.filter(({ imageId }) => wanted.has(imageId)).sort(inOrder);
  const steps: RefreshStep[] = [];
  const blocked: RefreshPlan['blocked'] = [];
  for (const { name, imageId, origin, parentId } of chosen) {
    if (origin.kind === 'unknown') {
      blocked.push({ name, reason: origin.reason });
      continue;
    }
    const after = steps.filter((step) => step.imageId === parentId).map((step) => step.name);
    const noCache = origin.kind === 'build' && after.length === 0;
    steps.push({ name, imageId, action: origin.kind, after, noCache });
  }
  return { steps, blocked };
}

function inOrder(a: RefreshCandidate, b: RefreshCandidate): number {
  const rankOf = ({ origin }: RefreshCandidate): number =>
    origin.kind === 'unknown' ? 3 : rank[origin.kind];
  return rankOf(a) - rankOf(b) || a.depth - b.depth || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** Ids of outdated images and of all that is built upon them. */
function wantedIds(
  candidates: readonly RefreshCandidate[],
  only: ReadonlySet<string> | undefined,
): Set<string> {
  const family = only === undefined ? undefined : related(candidates, only);
  const wanted = new Set<string>();
  // Those with fewer images below them come first, so that one pass is enough.
  for (const { imageId, parentId, outdated } of candidates.toSorted((a, b) => a.depth - b.depth))
    if ((family?.has(imageId) ?? true) && (outdated || (parentId !== undefined && wanted.has(parentId))))
      wanted.add(imageId);
  return wanted;
}

/** The images, those that they are built upon, and those that are built upon them. */
function related(candidates: readonly RefreshCandidate[], only: ReadonlySet<string>): Set<string> {
  const parents = new Map(candidates.map(({ imageId, parentId }) => [imageId, parentId]));
  const family = new Set(only);
  for (const id of only)
    for (let at = parents.get(id); at !== undefined && !family.has(at); at = parents.get(at)) family.add(at);
  const isBelow = (imageId: string): boolean => {
    for (let at = parents.get(imageId); at !== undefined; at = parents.get(at)) if (only.has(at)) return true;
    return false;
  };
  for (const { imageId } of candidates) if (isBelow(imageId)) family.add(imageId);
  return family;
}
