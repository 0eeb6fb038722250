import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished, type Readable } from 'node:stream';
import { KeyedMutex } from '#base/mutex.ts';
import { isKept, layout } from '#domain/base/layout.ts';
import { wantsPackageManager } from '#domain/base/package-set.ts';
import { epochOf } from '#domain/base/sources.ts';
import { statusFile } from '#domain/base/status.ts';
import type { BootstrapPlan, Bootstrapper, BootstrapRequest } from '#ports/bootstrapper.ts';
import { Apt } from './apt.ts';
import { finish } from './finish.ts';
import { packTree } from './pack.ts';
import { unpack } from './unpack.ts';

export interface MmdebstrapOptions {
  /** Folder for package lists, downloaded packages and trees being made; on a disk, not in memory. */
  root: string;
  /** An archive such as `http://mirror.example/debian`; absent: as the host's own apt. */
  mirror?: string;
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
    await rm(this.#scratch, { recursive: true, force: true });
  }

  plan(request: BootstrapRequest): Promise<BootstrapPlan> {
    return this.#withApt(request, async (apt) => {
      await apt.refresh(request);
      return { packages: await apt.plan(request), epoch: epochOf(request.suite) };
    });
  }

  async build(request: BootstrapRequest, plan: BootstrapPlan): Promise<Readable> {
    await mkdir(this.#scratch, { recursive: true });
    const scratch = await mkdtemp(join(this.#scratch, 'tree-'));
    const free = (): Promise<void> => rm(scratch, { recursive: true, force: true });
    try {
      const root = await this.#tree(scratch, request, plan);
      request.onProgress('Packing the root file system');
      const keepManager = wantsPackageManager(request.packages);
      const tar = packTree(root, { epoch: plan.epoch, isKept: (path) => isKept(path, keepManager) });
      // What cannot be removed now is removed at the next start.
      finished(tar, () => void free().catch(() => undefined));
      return tar;
    } catch (error) {
      await free();
      throw error;
    }
  }

  get #scratch(): string {
    return join(this.#options.root, 'scratch');
  }

  #tree(scratch: string, request: BootstrapRequest, plan: BootstrapPlan): Promise<string> {
    return this.#withApt(request, async (apt) => {
      request.onProgress(`Fetching ${plan.packages.length} packages of ${request.suite}`);
      await apt.download(plan.packages, request);
      request.onProgress(`Unpacking ${plan.packages.length} packages`);
      const root = await unpack(scratch, apt, request, plan);
      const status = statusFile(await apt.show(plan.packages, request));
      await finish(root, layout(request.packages, status), request.signal);
      await apt.trim();
      return root;
    });
  }

  /** One at a time for each suite, as apt's folders are shared by its images. */
  #withApt<T>({ suite, architecture }: BootstrapRequest, work: (apt: Apt) => Promise<T>): Promise<T> {
    const name = `${suite}-${architecture}`;
    const { mirror, refreshMs = hour } = this.#options;
    const home = join(this.#options.root, 'apt', name);
    return this.#locks.run(name, () => work(new Apt({ home, suite, architecture, mirror, refreshMs })));
  }
}
