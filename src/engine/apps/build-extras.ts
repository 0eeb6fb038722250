import { serviceIn } from '#domain/app/build-contexts.ts';
import type { Build, BuildExtras } from '#domain/app/model.ts';
import { parseProvenance } from '#domain/build/attestation-options.ts';
import { parseCacheSource, parseCacheTarget } from '#domain/build/cache-option.ts';
import { parseSsh } from '#domain/build/ssh-option.ts';
import type { BuildRequest, NamedContext } from '#engine/contracts.ts';
import { absolute } from './project.ts';
import { serviceOf, type Run } from './run.ts';

/** What few builds of services ask for: named contexts, secrets, caches elsewhere, stages without the cache. */
export function extrasOf({ more }: Build, run: Run): Partial<BuildRequest> {
  if (more === undefined) return {};
  const { contexts, cacheFrom, cacheTo, noCacheFilter } = more;
  const named = Object.entries(contexts).map(([name, place]) => [name, contextAt(place, run)] as const);
  const sources = cacheFrom.flatMap((text) => parseCacheSource(text) ?? []);
  const targets = cacheTo.flatMap((text) => parseCacheTarget(text) ?? []);
  return {
    ...(named.length > 0 && { contexts: Object.fromEntries(named) }),
    ...(more.secrets.length > 0 && {
      secrets: (id) => secretOf(more, id, run),
      secretSources: secretSources(more, run),
      secretFiles: secretFiles(more),
    }),
    ...agentsOf(more, run),
    ...(more.entitlements.length > 0 && { allow: more.entitlements }),
    cacheFrom: sources.map((one) => inProject(one, run)),
    cacheTo: targets.map((one) => inProject(one, run)),
    noCacheFor: noCacheFilter,
    ...(more.platforms !== undefined && { platforms: more.platforms }),
    ...attestOf(more),
  };
}

function attestOf({ provenance, sbom }: BuildExtras): Pick<BuildRequest, 'attest'> {
  const asked = provenance === undefined ? undefined : parseProvenance(provenance);
  const attest = {
    ...(asked !== undefined && { provenance: asked }),
    ...(sbom !== undefined && { sbom: true }),
  };
  return Object.keys(attest).length === 0 ? {} : { attest };
}

function contextAt(place: string, run: Run): NamedContext {
  const service = serviceIn(place);
  if (service !== undefined) return { image: imageOf(service, run) };
  if (place.startsWith('/')) return { folder: place };
  const image = /^docker-image:\/\/(.+)$/.exec(place)?.[1];
  return image === undefined ? { remote: place } : { image };
}

/** By its id, which no registry is asked for: its name may be known nowhere but here. */
function imageOf(service: string, run: Run): string {
  const { image } = serviceOf(run, service);
  return run.parts.images.find(image)?.id ?? image;
}

const folderOfSecrets = '/run/secrets/';

/** `default` is the agent of who asks for the build; nobody has one where the daemon builds by itself. */
function agentsOf({ ssh }: BuildExtras, { sshAgent }: Run): Pick<BuildRequest, 'sshSources'> {
  const own = sshAgent === undefined ? [] : [sshAgent];
  const sources = ssh.flatMap((text) => {
    const { id, paths } = parseSsh(text);
    const known = paths.length === 0 ? own : paths;
    return known.length === 0 ? [] : [[id, known] as const];
  });
  return sources.length === 0 ? {} : { sshSources: Object.fromEntries(sources) };
}

function secretFiles({ secrets }: BuildExtras): NonNullable<BuildRequest['secretFiles']> {
  return Object.fromEntries(
    secrets.map(({ target, uid, gid, mode }) => [
      idOf(target),
      {
        ...(uid !== undefined && { uid: Number(uid) }),
        ...(gid !== undefined && { gid: Number(gid) }),
        ...(mode !== undefined && { mode }),
      },
    ]),
  );
}

function idOf(target: string): string {
  return target.startsWith(folderOfSecrets) ? target.slice(folderOfSecrets.length) : target;
}

function secretSources({ secrets }: BuildExtras, run: Run): NonNullable<BuildRequest['secretSources']> {
  const stored = secrets.flatMap(({ source, target }) => {
    const reference = run.target?.model.secrets[source]?.stored;
    return reference === undefined ? [] : [[idOf(target), reference] as const];
  });
  return Object.fromEntries(stored);
}

/** Its id is its `target`, else its name. The value goes from the store to the step that mounts it, and nowhere else. */
async function secretOf({ secrets }: BuildExtras, id: string, run: Run): Promise<Buffer | undefined> {
  const found = secrets.find(({ target }) => target === id || target === `${folderOfSecrets}${id}`);
  const stored = found && run.target?.model.secrets[found.source]?.stored;
  return stored === undefined ? undefined : Buffer.from(await run.parts.secrets.value(stored));
}

function inProject<Place extends { kind: string } | { kind: 'folder'; folder: string }>(
  place: Place,
  { folder }: Run,
): Place {
  return 'folder' in place ? { ...place, folder: absolute(folder, place.folder) } : place;
}
