import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished, type Readable } from 'node:stream';
import { explainDiskFull } from '#base/disk-full.ts';
import { BerthError } from '#base/errors.ts';
import { KeyedMutex } from '#base/mutex.ts';
import { isKept, layout } from '#domain/base/layout.ts';
import { epochOf, knownSuites } from '#domain/base/sources.ts';
import { installedSize, statusFile } from '#domain/base/status.ts';
import type { Offer } from '#domain/package/outdated.ts';
import type {
  BootstrapPlan,
  Bootstrapper,
  BootstrapRequest,
  KeptPackages,
  ListsRequest,
} from '#ports/bootstrapper.ts';
import { Apt } from './apt.ts';
import { finish } from './finish.ts';
import { hostMirror, hostSuite, type Mirror } from './host-sources.ts';
import { keptPackages } from './kept.ts';
import { packTree } from './pack.ts';
import { makeScratch, removeScratches, type Scratch } from './scratch.ts';
import { rootIn, unpack } from './unpack.ts';

export interface MmdebstrapOptions {
  /** Folder for package lists, downloaded packages and trees being made; on a disk, not in memory. */
  root: string;
  /** Absent: as the host's own apt. */
  mirror?: Mirror;
  /** How old package lists may be before the mirror is asked again; absent: an hour. */
  refreshMs?: number;
}

const hour = 3_600_000;

/** Base images from the packages of a Debian mirror, by apt and mmdebstrap. */
export class Mmdebstrap implements Bootstrapper {
  readonly #options: MmdebstrapOptions;
  readonly #locks = new KeyedMutex();

  constructor(options: MmdebstrapOptions) {
    this.#options = options;
  }

  /** Removes what a build left that was cut off. Call it before the first plan. */
  async start(): Promise<void> {
    await removeScratches(this.#scratch);
  }

  async defaultSuite(): Promise<string> {
    const own = await hostSuite();
    return own === '' ? (knownSuites[0] ?? '') : own;
  }

  offers(request: ListsRequest, names: readonly string[]): Promise<Offer[]> {
    return this.#withApt(request, async (apt) => {
      await apt.refresh(request);
      return apt.offers(names, request);
    });
  }

  plan(request: BootstrapRequest): Promise<BootstrapPlan> {
    return this.#withApt(request, async (apt) => {
      await apt.refresh(request);
      return { packages: await apt.plan(request), epoch: epochOf(request.suite) };
    });
  }

  async build(request: BootstrapRequest, plan: BootstrapPlan): Promise<Readable> {
    const scratch = await this.#tree(request, plan);
    request.onProgress('Packing the root file system');
    const keepManager = request.contents.keepsManager;
    const tar = packTree(rootIn(scratch.path), {
      epoch: plan.epoch,
      isKept: (name) => isKept(name, keepManager),
    });
    // What cannot be removed now is removed at the next start.
    finished(tar, () => void scratch.free().catch(() => undefined));
    return tar;
  }

  kept(): Promise<KeptPackages[]> {
    return keptPackages(this.#apt, (id) => this.#locks.isHeld(id));
  }

  async removeKept(accepts: (id: string) => boolean): Promise<void> {
    for (const { id, inUse } of await this.kept())
      if (!inUse && accepts(id))
        await this.#locks.run(id, () => rm(join(this.#apt, id), { recursive: true, force: true }));
  }

  get #apt(): string {
    return join(this.#options.root, 'apt');
  }

  get #scratch(): string {
    return join(this.#options.root, 'scratch');
  }

  #tree(request: BootstrapRequest, plan: BootstrapPlan): Promise<Scratch> {
    return this.#withApt(request, async (apt) => {
      request.onProgress(`Fetching ${plan.packages.length} packages of ${request.suite}`);
      await apt.download(plan.packages, request);
      const stanzas = await apt.show(plan.packages, request);
      const scratch = await makeScratch(this.#scratch, installedSize(stanzas));
      try {
        request.onProgress(`Unpacking ${plan.packages.length} packages`);
        await unpack(scratch.path, apt, request, plan);
        const extras = layout(request.contents, statusFile(stanzas));
        await finish(rootIn(scratch.path), { extras, finishing: request.contents.finishing }, request.signal);
        await apt.trim();
        return scratch;
      } catch (error) {
        await scratch.free();
        throw error;
      }
    });
  }

  /** One at a time for each suite, as apt's folders are shared by its images. */
  #withApt<T>({ suite, architecture }: ListsRequest, work: (apt: Apt) => Promise<T>): Promise<T> {
    const name = `${suite}-${architecture}`;
    const { mirror = hostMirror, refreshMs = hour } = this.#options;
    const home = join(this.#apt, name);
    return this.#locks.run(name, async () => {
      try {
        return await work(new Apt({ home, suite, architecture, mirror, refreshMs }));
      } catch (error) {
        const explained = explainDiskFull(error);
        // Lists and downloads can be fetched again; on a full disk they must not be what fills it.
        if (explained instanceof BerthError && explained.code === 'disk-full')
          await rm(home, { recursive: true, force: true });
        throw explained;
      }
    });
  }
}
