import { KeyedMutex } from '#base/mutex.ts';
import { isReady } from '#domain/app/ready.ts';
import { serviceKey } from '#domain/app/service-key.ts';
import type { Container } from '#domain/container/container.ts';
import type { Containers } from '#engine/contracts/containers.ts';
import type * as contracts from '#engine/contracts/services.ts';
import { pause } from '#engine/pause.ts';
import type { Clock } from '#ports/clock.ts';
import { endpointsOf } from './endpoints.ts';

type Ready = contracts.ServiceEndpoint[];

const firstRetryMs = 200;
const longestRetryMs = 30_000;
/** Of a service of which followers were told nothing yet, or that nobody is left. */
const nobody = JSON.stringify([[], []]);
/** Of a service of which they have to be told again. */
const unknown = '';

/** Who answers for each service; level-triggered: followers are told what is, never what happened. */
export class Services implements contracts.Services {
  readonly #report: (problem: string, error: unknown) => void;
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #members = new Map<string, Map<string, Container>>();
  /** What the followers were last told, as text; absent for `nobody`. */
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
      this.#note(container);
      const { identity } = container;
      if (identity !== undefined && this.#isNews(identity.app, identity.service))
        void this.settled(identity.app, identity.service);
    });
  }

  ready(app: string, service: string): Ready {
    return endpointsOf(this.#membersOf(app, service).filter(isReady));
  }

  draining(app: string, service: string): Ready {
    const isDraining = ({ state, traffic }: Container): boolean =>
      traffic === 'draining' && state.status === 'running';
    return endpointsOf(this.#membersOf(app, service).filter(isDraining));
  }

  follow(follower: contracts.ServiceFollower): void {
    this.#followers.push(follower);
    for (const key of this.#members.keys()) {
      this.#told.set(key, unknown);
      const [app = '', service = ''] = key.split('/');
      void this.settled(app, service);
    }
  }

  settled(app: string, service: string): Promise<void> {
    const key = serviceKey(app, service);
    return this.#turns.run(key, async () => {
      if (!this.#isNews(app, service)) return;
      const ready = this.ready(app, service);
      this.#told.set(key, this.#textOf(app, service));
      const told = this.#followers.map((one) => one.apply(app, service, ready));
      for (const result of await Promise.allSettled(told)) {
        if (result.status === 'fulfilled') continue;
        this.#told.set(key, unknown);
        this.#report(`cannot spread the requests for ${key} over its replicas`, result.reason);
        void this.#retry(app, service);
      }
      if (this.#told.get(key) === nobody) this.#told.delete(key);
    });
  }

  /** Asks no follower again that failed. */
  close(): void {
    this.#end.abort();
  }

  /** What a follower could not do now it may be able to do later; each time it is told what is by then. */
  async #retry(app: string, service: string): Promise<void> {
    const key = serviceKey(app, service);
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
    return (this.#told.get(serviceKey(app, service)) ?? nobody) !== this.#textOf(app, service);
  }

  #textOf(app: string, service: string): string {
    return JSON.stringify([this.ready(app, service), this.draining(app, service)]);
  }

  #membersOf(app: string, service: string): Container[] {
    return [...(this.#members.get(serviceKey(app, service))?.values() ?? [])];
  }

  #note(container: Container): void {
    if (container.identity === undefined || container.identity.run !== undefined) return;
    const key = serviceKey(container.identity.app, container.identity.service);
    const members = this.#members.get(key) ?? new Map<string, Container>();
    if (container.state.status === 'removing') members.delete(container.id);
    else members.set(container.id, container);
    if (members.size === 0) this.#members.delete(key);
    else this.#members.set(key, members);
  }
}
