import type { Events, Images } from '#engine/contracts.ts';
import type { Clock } from '#ports/clock.ts';
import type { Attachments } from './attachments.ts';
import type { Inventories } from './inventories.ts';
import type { RecordedBuilds } from './recorded-builds.ts';
import type { TriedBuilds } from './tried-builds.ts';

export interface BaseUpkeepOptions {
  images: Pick<Images, 'list'>;
  builds: Pick<RecordedBuilds, 'sweep'>;
  tried: Pick<TriedBuilds, 'sweep'>;
  inventories: Pick<Inventories, 'sweep'>;
  attachments: Pick<Attachments, 'sweep'>;
  events: Pick<Events, 'read'>;
  clock: Pick<Clock, 'sleep'>;
  report: (problem: string, error: unknown) => void;
}

const hour = 3_600_000;

/** Milliseconds: many images often go together. */
const pause = 1000;

/** Lets go of what was kept of images that are gone: at the start, soon after one has gone, every hour, and when told. */
export class BaseUpkeep {
  readonly #options: BaseUpkeepOptions;
  readonly #stop = new AbortController();

  constructor(options: BaseUpkeepOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.sweep();
    for (const following of [this.#follow(), this.#followImages()])
      following.catch((error: unknown) => {
        if (!this.#stop.signal.aborted)
          this.#options.report('what was kept of removed images is no longer let go', error);
      });
  }

  close(): void {
    this.#stop.abort(new Error('the daemon stops'));
  }

  async sweep(): Promise<void> {
    const { images, builds, tried, inventories, attachments } = this.#options;
    const all = images.list();
    const byTag = new Map(all.flatMap(({ tags, id }) => tags.map((tag) => [tag, id])));
    const [chains, manifests] = [
      new Set<string>(all.map(({ chainId }) => chainId)),
      new Set<string>(all.map(({ manifestDigest }) => manifestDigest)),
    ];
    await builds.sweep((tag) => byTag.get(tag));
    tried.sweep((tag) => byTag.get(tag));
    inventories.sweep((chainId) => chains.has(chainId));
    await attachments.sweep((subject) => manifests.has(subject));
  }

  async #follow(): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(hour, this.#stop.signal);
      await this.sweep();
    }
  }
  async #followImages(): Promise<void> {
    const { events, clock } = this.#options;
    const { signal } = this.#stop;
    let isDue = false;
    for await (const { type, action } of events.read({ signal })) {
      if (isDue || type !== 'image' || (action !== 'delete' && action !== 'untag')) continue;
      isDue = true;
      const swept = clock.sleep(pause, signal).then(() => {
        isDue = false;
        return this.sweep();
      });
      swept.catch((error: unknown) => {
        if (!signal.aborted) this.#options.report('what was kept of removed images stays for now', error);
      });
    }
  }
}
