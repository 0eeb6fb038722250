import { KeyedMutex } from '#base/mutex.ts';
import { isReady } from '#domain/app/ready.ts';
import type { AppIdentity, Container } from '#domain/container/container.ts';
import type { Containers } from '#engine/contracts/containers.ts';
import type * as contracts from '#engine/contracts/services.ts';
import { pause } from '#engine/pause.ts';
import type { Clock } from '#ports/clock.ts';
import { endpointsOf } from './endpoints.ts';

type Ready = contracts.ServiceEndpoint[];

const firstRetryMs = 200;
const longestRetryMs = 30_000;

/** Who answers for each service; level-triggered: followers are told what is, never what happened. */
export class Services implements contracts.Services {
  readonly #report: (problem: string, error: unknown) => void;
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #members = new Map<string, Map<string, Container>>();
  /** What the followers were last told, as text. */
  readonly #told = new Map<string, string>();
  readonly #followers: contracts.ServiceFollower[] = [];
  readonly #turns = new KeyedMutex();
  /** Services whose followers are asked again after a failure. */
  readonly #retried = new Set<string>();
  readonly #end = new AbortController();

  constructor(parts: {
    containers: Pick<Containers, 'list' | 'onChange'>;
    clock: Pick<Clock, 'sleep'>;
    report: (problem: string, error: unknown) => void;
  }) {
    this.#report = parts.report;
    this.#clock = parts.clock;
    for (const container of parts.containers.list()) this.#note(container);
    parts.containers.onChange((container) => {
      const { identity } = container;
      if (identity === undefined || identity.run !== undefined) return;
      this.#note(container);
      if (this.#isNews(identity.app, identity.service)) void this.settled(identity.app, identity.service);
    });
  }

  ready(app: string, service: string): Ready {
    const members = [...(this.#members.get(keyOf(app, service))?.values() ?? [])];
    return endpointsOf(members.filter(isReady));
  }

  draining(app: string, service: string): Ready {
    const members = [...(this.#members.get(keyOf(app, service))?.values() ?? [])];
    return endpointsOf(
      members.filter(({ state, traffic }) => traffic === 'draining' && state.status === 'running'),
    );
  }

  follow(follower: contracts.ServiceFollower): void {
    this.#followers.push(follower);
    this.#told.clear();
    for (const key of this.#members.keys()) {
      const [app = '', service = ''] = key.split('/');
      void this.settled(app, service);
    }
  }

  settled(app: string, service: string): Promise<void> {
    const key = keyOf(app, service);
    return this.#turns.run(key, async () => {
      const ready = this.ready(app, service);
      const text = this.#textOf(app, service);
      if (this.#told.get(key) === text) return;
      this.#told.set(key, text);
      const told = this.#followers.map((one) => one.apply(app, service, ready));
      for (const result of await Promise.allSettled(told)) {
        if (result.status === 'fulfilled') continue;
        this.#told.delete(key);
        this.#report(`cannot spread the requests for ${key} over its replicas`, result.reason);
        void this.#retry(app, service);
      }
      if (this.#members.get(key)?.size === 0) this.#forget(key);
    });
  }

  /** Asks no follower again that failed. */
  close(): void {
    this.#end.abort();
  }

  /** What a follower could not do now it may be able to do later; each time it is told what is by then. */
  async #retry(app: string, service: string): Promise<void> {
    const key = keyOf(app, service);
    if (this.#retried.has(key)) return;
    this.#retried.add(key);
    let wait = firstRetryMs;
    while (this.#isNews(app, service) && (await pause(this.#clock, wait, this.#end.signal))) {
      await this.settled(app, service);
      wait = Math.min(2 * wait, longestRetryMs);
    }
    this.#retried.delete(key);
  }

  #isNews(app: string, service: string): boolean {
    return this.#told.get(keyOf(app, service)) !== this.#textOf(app, service);
  }

  #textOf(app: string, service: string): string {
    return JSON.stringify([this.ready(app, service), this.draining(app, service)]);
  }

  #note(container: Container): void {
    if (container.identity === undefined || container.identity.run !== undefined) return;
    const key = keyOf(container.identity.app, container.identity.service);
    const members = this.#members.get(key) ?? new Map<string, Container>();
    if (container.state.status === 'removing') members.delete(container.id);
    else members.set(container.id, container);
    this.#members.set(key, members);
  }

  #forget(key: string): void {
    this.#members.delete(key);
    this.#told.delete(key);
  }
}

function keyOf(app: AppIdentity['app'], service: string): string {
  return `${app}/${service}`;
}
