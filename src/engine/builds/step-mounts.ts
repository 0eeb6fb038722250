import type { MountPoint } from '#domain/container/container.ts';
import type { MountSource } from '#domain/container/spec-input.ts';
import type { BindMount, CacheMount, Mount, SecretMount, SshMount } from '#domain/dockerfile/mount.ts';
import type { Written } from '#domain/dockerfile/instruction.ts';
import { toHost } from '#domain/user-namespace/id-mappings.ts';
import type { BuildRun, UsableOrigin } from '#engine/builds/build-run.ts';
import type { Sink } from '#engine/builds/output.ts';
import { Undo } from '#engine/containers/undo.ts';
import type { FileContent } from '#ports/container-files.ts';
import { BerthError, invalid } from '#base/errors.ts';
import { own } from '#base/own.ts';

/** What the container of a step gets beside its root. */
export interface StepMounts {
  points: MountPoint[];
  sources: Record<string, MountSource>;
  /** Secrets in files. */
  granted: { source: string; destination: string }[];
  /** `NAME=value`: secrets in variables, and where the SSH agent is. */
  env: string[];
}

/** A mount, and where its files come from. */
export interface FoundMount {
  mount: Mount;
  origin?: UsableOrigin;
}

/** @throws as BuildRun.origin */
export async function findMounts(
  run: BuildRun,
  mounts: Mount[],
  written: Written,
  stage: number,
  sink: Sink,
): Promise<FoundMount[]> {
  const found: FoundMount[] = [];
  for (const mount of mounts) {
    run.request.onMount?.(mount);
    const from = 'from' in mount ? mount.from : undefined;
    const takes = mount.type === 'bind' || from !== undefined;
    found.push(takes ? { mount, origin: await run.origin(from, written, stage, sink) } : { mount });
  }
  return found;
}

/**
 * What the result of the step depends on: the content of binds, and of the others how they are mounted. What a secret or
 * a cache holds never counts, as with BuildKit.
 */
export async function mountKeys(run: BuildRun, found: FoundMount[]): Promise<string[]> {
  const keys: string[] = [];
  for (const { mount, origin } of found) {
    keys.push(JSON.stringify(mount));
    if (mount.type === 'bind' && origin !== undefined) keys.push(await bindKey(run, mount, origin));
  }
  return keys;
}

async function bindKey(run: BuildRun, { source }: BindMount, origin: UsableOrigin): Promise<string> {
  // The whole of an image: its layers name its content.
  if (origin.chainId !== undefined && isWhole(source)) return origin.chainId;
  const { trees } = run.parts;
  return origin
    .use(({ root, ...options }) => trees.digest({ root, path: source }, { ...options, signal: run.signal }))
    .catch((error: unknown) => {
      throw explained(error, source);
    });
}

const isWhole = (source: string): boolean => /^[/.]*$/.test(source);

function explained(error: unknown, source: string): unknown {
  if (!(error instanceof BerthError) || error.code !== 'file-missing') return error;
  return invalid('build-mount-failed', `failed to compute cache key: "${source}": not found`, {
    cause: error,
    hint: 'the source of a bind is a path in the build context, or in what from= names',
  });
}

/** Runs the work while the mounts are there; afterwards nothing of them is left but the caches. */
export async function withMounts<T>(
  run: BuildRun,
  id: string,
  found: FoundMount[],
  work: (mounts: StepMounts) => Promise<T>,
): Promise<T> {
  const undo = new Undo(run.parts.report);
  const opening = new Opening(run, id, undo);
  try {
    // Caches that others may hold are waited for in one order everywhere, or two steps could wait for each other.
    for (const each of [...found].sort(byCache)) await opening.open(each);
    await opening.secrets(found);
    return await work(opening.mounts);
  } finally {
    await undo.run();
  }
}

function byCache({ mount: one }: FoundMount, { mount: other }: FoundMount): number {
  const rank = (mount: Mount): string => (mount.type === 'cache' ? `1${mount.id}` : '0');
  return rank(one) < rank(other) ? -1 : rank(one) > rank(other) ? 1 : 0;
}

/** Opens the mounts of one step. */
class Opening {
  readonly mounts: StepMounts = { points: [], sources: {}, granted: [], env: [] };
  readonly #run: BuildRun;
  readonly #id: string;
  readonly #undo: Undo;
  #number = 0;
  #agents = 0;

  constructor(run: BuildRun, id: string, undo: Undo) {
    this.#run = run;
    this.#id = id;
    this.#undo = undo;
  }

  async open({ mount, origin }: FoundMount): Promise<void> {
    if (mount.type === 'bind' && origin !== undefined) await this.#bind(mount, origin);
    else if (mount.type === 'cache') await this.#cache(mount, origin);
    else if (mount.type === 'ssh') await this.#ssh(mount);
    else if (mount.type === 'tmpfs')
      this.mounts.points.push({
        ...point(mount.target, '', true),
        type: 'tmpfs',
        options: mount.size === undefined ? '' : `size=${mount.size}`,
      });
  }

  async #bind({ source, target, readOnly }: BindMount, origin: UsableOrigin): Promise<void> {
    const { files } = this.#run.parts;
    const folder = await origin.open(`${this.#id}-${this.#number}`, !readOnly, this.#undo);
    const whole = isWhole(source);
    const path = whole ? folder : await files.mountPart(this.#id, this.#number, folder, source);
    if (!whole) this.#undo.add(() => files.unmountAll(this.#id));
    this.#number++;
    const isFile = readOnly && (await files.kind(path)) === 'other';
    this.mounts.points.push(point(target, path, !readOnly));
    this.mounts.sources[target] = { path, ...(isFile && { isFile }) };
  }

  async #cache(mount: CacheMount, origin: UsableOrigin | undefined): Promise<void> {
    const { caches, parts, signal } = this.#run;
    const fill = async (root: string): Promise<void> =>
      origin?.use((from) =>
        parts.trees.copy({ root: from.root, path: mount.source }, { root, path: '/' }, { signal }),
      );
    const opened = await caches.open(this.#named(mount), { id: origin?.chainId ?? '', fill }, signal);
    this.#undo.add(opened.release);
    this.mounts.points.push(point(mount.target, opened.root, !mount.readOnly));
  }

  /** Clients keep their caches apart by a name before their ids, as with BuildKit. */
  #named(mount: CacheMount): CacheMount {
    const namespace = own(this.#run.arguments.given, 'BUILDKIT_CACHE_MOUNT_NS') ?? '';
    return namespace === '' ? mount : { ...mount, id: `${namespace}/${mount.id}` };
  }

  async #ssh({ id, target, required, uid, gid, mode }: SshMount): Promise<void> {
    const { request, parts } = this.#run;
    const { ssh } = request;
    if (ssh === undefined || !(await ssh.has(id))) {
      if (required) throw invalid('build-ssh-missing', `no SSH key "${id}" forwarded from the client`);
      return;
    }
    const mappings = parts.host.userNamespace?.mappings;
    const owner = mappings === undefined ? { uid, gid } : toHost(mappings, { uid, gid });
    const number = this.#agents++;
    const name = `${this.#id.slice(0, 12)}${number}`;
    const socket = await parts.agentSockets.open(name, { ...owner, mode }, () => ssh.connect(id));
    this.#undo.add(() => socket.close());
    const place = target ?? `/run/buildkit/ssh_agent.${number}`;
    this.mounts.points.push(point(place, socket.path, true));
    if (number === 0) this.mounts.env.push(`SSH_AUTH_SOCK=${place}`);
  }

  /** All in one: they share a tmpfs. */
  async secrets(found: FoundMount[]): Promise<void> {
    const { files } = this.#run.parts;
    const inFiles: (FileContent & { target: string })[] = [];
    for (const { mount } of found) {
      if (mount.type !== 'secret') continue;
      const content = await this.#secret(mount);
      if (content === undefined) continue;
      if (mount.env !== undefined) this.mounts.env.push(`${mount.env}=${content.toString('utf8')}`);
      const { target } = mount;
      if (target !== undefined) inFiles.push({ ...this.#owned(mount), target, content });
    }
    if (inFiles.length === 0) return;
    this.#undo.add(() => files.unmountAll(this.#id));
    const paths = await files.mountContents(this.#id, inFiles);
    for (const [index, { target }] of inFiles.entries())
      this.mounts.granted.push({ source: paths[index] ?? '', destination: target });
  }

  #owned({ id, uid, gid, mode }: SecretMount): Omit<FileContent, 'content'> {
    const given = own(this.#run.request.secretFiles ?? {}, id) ?? {};
    return {
      uid: uid ?? given.uid ?? 0,
      gid: gid ?? given.gid ?? 0,
      mode: mode ?? given.mode ?? 0o400,
    };
  }

  async #secret({ id, required }: SecretMount): Promise<Buffer | undefined> {
    const content = await this.#run.request.secrets?.(id);
    if (content === undefined && required)
      throw invalid('build-secret-missing', `secret ${id}: not found`, {
        hint: `give it: --secret id=${id},src=FILE`,
      });
    return content;
  }
}

function point(destination: string, source: string, readWrite: boolean): MountPoint {
  return { type: 'bind', source, destination, mode: '', readWrite, propagation: 'rprivate' };
}
