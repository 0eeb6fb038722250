import type { Readable } from 'node:stream';
import type { Container } from '#domain/container/container.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { Roots } from '#engine/containers/roots.ts';
import type { PathStat } from '#ports/root-files.ts';
import { hasProcess } from '#domain/container/state.ts';
import { userOf } from '#engine/containers/specifying.ts';
import { cleanPath } from '#domain/container/paths.ts';
import { BerthError, forbidden, isKind, notFound } from '#base/errors.ts';

/** The files of containers, seen from outside. */
export class RootAccess {
  readonly #parts: ContainerParts;
  readonly #roots: Roots;

  constructor(parts: ContainerParts, roots: Roots) {
    this.#parts = parts;
    this.#roots = roots;
  }

  async sizes(container: Container): Promise<{ own: number; root: number }> {
    const own = await this.#parts.snapshotter.usage(container.id);
    return { own, root: own + (this.#parts.images.find(container.imageId)?.size ?? 0) };
  }

  async exportRoot(container: Container): Promise<Readable> {
    const root = await this.#roots.open(container);
    return this.#closing(container, this.#parts.rootFiles.packAll(root));
  }

  /** @throws not-found `path-missing` with Docker's words */
  async stat(container: Container, path: string): Promise<PathStat> {
    return this.#roots.with(container, async (root) => {
      const place = placeOf(container, root, path);
      const found = await this.#parts.rootFiles.stat(place.root, place.path);
      if (found === undefined) throw missing(container, path);
      return place.path === '/' ? { ...found, name: path.split('/').filter(Boolean).at(-1) ?? '/' } : found;
    });
  }

  async pack(container: Container, path: string): Promise<Readable> {
    const place = placeOf(container, await this.#roots.open(container), path);
    try {
      return this.#closing(container, await this.#parts.rootFiles.pack(place.root, place.path));
    } catch (error) {
      await this.#roots.close(container);
      throw isKind(error, 'not-found') ? missing(container, path) : error;
    }
  }

  /** Gives how many of the paths were there. @throws forbidden `path-read-only`; as RootFiles.remove */
  async remove(container: Container, paths: readonly string[]): Promise<number> {
    return this.#roots.with(container, async (root) => {
      let removed = 0;
      for (const path of paths) {
        const place = writable(container, root, path);
        if (await this.#parts.rootFiles.remove(place.root, place.path)) removed++;
      }
      return removed;
    });
  }

  /** @throws forbidden `path-read-only`; as RootFiles.unpack */
  async unpack(
    container: Container,
    path: string,
    tar: Readable,
    options: { keepKinds: boolean; copyOwners: boolean },
  ): Promise<void> {
    await this.#roots.with(container, async (root) => {
      const place = writable(container, root, path);
      // Without a user the archive's own owners hold, as on Docker.
      const user = container.config.User ?? '';
      const owner =
        user === '' || !options.copyOwners
          ? {}
          : { owner: await userOf(this.#parts.host, container, root, user) };
      const rules = { keepKinds: options.keepKinds, ...owner };
      try {
        await this.#parts.rootFiles.unpack(place.root, place.path, tar, rules);
      } catch (error) {
        if (error instanceof BerthError && error.code === 'path-missing') throw missing(container, path);
        throw error;
      }
    });
  }

  #closing(container: Container, stream: Readable): Readable {
    stream.once('close', () => {
      this.#roots
        .close(container)
        .catch((error: unknown) =>
          this.#parts.report(`the root of container ${container.id} stays mounted`, error),
        );
    });
    return stream;
  }
}

function writable(container: Container, root: string, path: string): InRoot {
  const place = placeOf(container, root, path);
  if (!place.readOnly) return place;
  const what = place.mounted ? 'mounted volume' : 'container rootfs';
  throw forbidden('path-read-only', `${what} is marked read-only`, { hint: `${path} cannot be written` });
}

interface InRoot {
  root: string;
  path: string;
  readOnly: boolean;
  /** It is in a mount, not in the root itself. */
  mounted: boolean;
}

/**
 * Where a path of the container is to be found: in a running container as it sees it itself, in one that does
 * not run in its root or in the volume or bind that would be mounted there.
 */
function placeOf(container: Container, root: string, path: string): InRoot {
  const absolute = path.startsWith('/') ? path : `/${path}`;
  const below = container.mounts
    .filter(({ destination }) => `${cleanPath(absolute)}/`.startsWith(`${destination}/`))
    .sort((one, other) => other.destination.length - one.destination.length);
  const mounted = below[0];
  const readOnly = mounted === undefined ? container.hostConfig.ReadonlyRootfs === true : !mounted.readWrite;
  const kind = { readOnly, mounted: mounted !== undefined };
  if (hasProcess(container)) return { root: `/proc/${container.state.pid}/root`, path: absolute, ...kind };
  if (mounted === undefined || mounted.source === '') return { root, path: absolute, ...kind };
  if (mounted.type === 'image')
    throw forbidden(
      'image-mount-closed',
      `the image at ${mounted.destination} can only be reached while container ${container.name} runs`,
    );
  const part = mounted.subpath === undefined ? '' : `/${mounted.subpath}`;
  const rest = absolute.slice(mounted.destination.length + 1);
  return { root: mounted.source, path: `${part}/${rest}`, ...kind };
}

function missing(container: Container, path: string): Error {
  return notFound('path-missing', `Could not find the file ${path} in container ${container.name}`);
}
