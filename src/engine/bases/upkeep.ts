import type { Images } from '#engine/contracts.ts';
import type { Clock } from '#ports/clock.ts';
import type { Attachments } from './attachments.ts';
import type { Inventories } from './inventories.ts';
import type { RecordedBuilds } from './recorded-builds.ts';

export interface BaseUpkeepOptions {
  images: Pick<Images, 'list'>;
  builds: Pick<RecordedBuilds, 'sweep'>;
  inventories: Pick<Inventories, 'sweep'>;
  attachments: Pick<Attachments, 'sweep'>;
  clock: Pick<Clock, 'sleep'>;
  report: (problem: string, error: unknown) => void;
}

const hour = 3_600_000;

/** Lets go of what was kept of images that are gone: at the start, every hour, and when told. */
export class BaseUpkeep {
  readonly #options: BaseUpkeepOptions;
  readonly #stop = new AbortController();

  constructor(options: BaseUpkeepOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.sweep();
    this.#follow().catch((error: unknown) => {
      if (!this.#stop.signal.aborted)
        this.#options.report('what was kept of removed images is no longer let go', error);
    });
  }

  close(): void {
    this.#stop.abort(new Error('the daemon stops'));
  }

  async sweep(): Promise<void> {
    const { images, builds, inventories, attachments } = this.#options;
    const all = images.list();
    const [ids, chains, manifests] = [
      new Set<string>(all.map(({ id }) => id)),
      new Set<string>(all.map(({ chainId }) => chainId)),
      new Set<string>(all.map(({ manifestDigest }) => manifestDigest)),
    ];
    builds.sweep((id) => ids.has(id));
    inventories.sweep((chainId) => chains.has(chainId));
    await attachments.sweep((subject) => manifests.has(subject));
  }

  async #follow(): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(hour, this.#stop.signal);
      await this.sweep();
    }
  }
}
