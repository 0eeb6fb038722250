import { invalid, messageOf } from '#base/errors.ts';
import { KeyedMutex } from '#base/mutex.ts';
import type { AppModel } from '#domain/app/model.ts';
import { backendOf, buildTable, endsTls, entrypointOf } from '#domain/ingress/build-table.ts';
import { requireTerms } from '#domain/ingress/terms.ts';
import {
  checkCertificates,
  displacedCertificates,
  wantedCertificates,
} from '#domain/ingress/certificates.ts';
import { checkRoutes } from '#domain/ingress/check-routes.ts';
import type { IngressRoute, IngressSettings } from '#domain/ingress/model.ts';
import { routesOf } from '#domain/ingress/routes.ts';
import type { Backend, BackendServer, IngressTable } from '#domain/ingress/table.ts';
import type * as contracts from '#engine/contracts/ingress.ts';
import type { Secrets } from '#engine/contracts/secrets.ts';
import type { Services } from '#engine/contracts/services.ts';
import { pause } from '#engine/pause.ts';
import type { BackendLoad, Balancer } from '#ports/balancer.ts';
import type { Clock } from '#ports/clock.ts';
import type { Certificates } from './certificates.ts';
import { serversOf } from './servers.ts';

export interface IngressParts {
  clock: Pick<Clock, 'sleep'>;
  balancer: Balancer;
  certificates: Certificates;
  settings: IngressSettings;
  secrets: Pick<Secrets, 'value'>;
  report: (problem: string, error: unknown) => void;
}

const retryMs = { first: 1000, most: 30_000 };

/** Requests from outside: keeps the balancer as the apps' models and the ready replicas say. */
export class Ingress implements contracts.Ingress {
  readonly #parts: IngressParts;
  /** By app. */
  readonly #routes = new Map<string, IngressRoute[]>();
  readonly #turns = new KeyedMutex();
  #table: IngressTable = { listeners: [], backends: [] };
  /** Why the balancer does not serve what it should. */
  #problem: string | undefined;
  /** Whether users of some backend are in a secret that could not be opened. */
  #isLocked = false;
  #isRetrying = false;
  readonly #closed = new AbortController();
  #services: Pick<Services, 'ready' | 'draining'> = { ready: () => [], draining: () => [] };

  constructor(parts: IngressParts) {
    this.#parts = parts;
  }

  /**
   * Takes over the balancer that an earlier daemon left, or starts one when an app needs it.
   * @param models of the apps as they are stored
   */
  async start(
    services: Pick<Services, 'ready' | 'draining' | 'follow'>,
    models: readonly AppModel[],
  ): Promise<void> {
    this.#services = services;
    for (const model of models) this.#keep(model.name, routesOf(model));
    // A daemon without its ingress is better than none: it can be told to change it.
    await this.#turns
      .run('table', () => this.#serve(this.#all()))
      .catch((error: unknown) => this.#parts.report('ingress does not serve', error));
    services.follow({ apply: (app, service) => this.#tell(app, service) });
  }

  /** Nothing is tried again any more. */
  close(): void {
    this.#closed.abort(new Error('the daemon ends'));
  }

  async check(model: AppModel): Promise<string[]> {
    const mine = routesOf(model);
    if (mine.length === 0) return [];
    const { settings, balancer, certificates } = this.#parts;
    if (mine.some(({ tls }) => tls === 'acme')) requireTerms(settings.acme);
    const others = this.#all(model.name);
    checkRoutes(mine, others, settings);
    checkCertificates(mine, others);
    const notes = await certificates.check(wantedCertificates(mine));
    await balancer.check(buildTable([...others, ...mine], settings).listeners);
    return [...displacedCertificates(mine), ...notes];
  }

  async assign(model: AppModel): Promise<void> {
    const routes = routesOf(model);
    const isNews = !sameRoutes(routes, this.#routes.get(model.name) ?? []);
    // Who wants nothing of ingress is not hindered by what is wrong with it.
    const isLocked = this.#isLocked || this.#parts.certificates.isLocked;
    const isDue = (this.#problem !== undefined || isLocked) && routes.length > 0;
    if (!isNews && !isDue) return;
    await this.#turns.run('table', async () => {
      const others = this.#all(model.name);
      checkRoutes(routes, others, this.#parts.settings);
      await this.#serve([...others, ...routes]);
      this.#keep(model.name, routes);
    });
  }

  async remove(app: string): Promise<void> {
    if (!this.#routes.has(app)) return;
    await this.#turns.run('table', async () => {
      this.#keep(app, []);
      await this.#serve(this.#all());
    });
  }

  list(): contracts.RouteView[] {
    const views = this.#all().map((route) => this.#view(route));
    const key = ({ app, service, host, path }: contracts.RouteView): string =>
      [app, service, host, path].join('\n');
    return views.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  }

  async load(): Promise<ReadonlyMap<string, BackendLoad>> {
    const loads = await this.#parts.balancer.load();
    const sums = new Map<string, BackendLoad>();
    for (const { name, app, service } of this.#table.backends) {
      const one = loads.get(name);
      if (one === undefined) continue;
      const { inFlight, requests } = sums.get(`${app}/${service}`) ?? { inFlight: 0, requests: 0 };
      const sum = { inFlight: inFlight + one.inFlight, requests: requests + one.requests };
      sums.set(`${app}/${service}`, sum);
    }
    return sums;
  }

  #all(but?: string): IngressRoute[] {
    return [...this.#routes].flatMap(([app, routes]) => (app === but ? [] : routes));
  }

  #keep(app: string, routes: IngressRoute[]): void {
    if (routes.length === 0) this.#routes.delete(app);
    else this.#routes.set(app, routes);
  }

  /** Servers and certificates first, so that no request meets a backend without them. */
  async #serve(routes: readonly IngressRoute[]): Promise<void> {
    const { balancer, certificates, settings } = this.#parts;
    const before = this.#table;
    try {
      const table = await this.#withUsers(buildTable(routes, settings));
      await certificates.ensure(wantedCertificates(routes));
      // From here on the new backends are told of changes too.
      this.#table = table;
      for (const backend of table.backends) await balancer.setServers(backend.name, this.#serversOf(backend));
      await balancer.apply(table);
      this.#problem = undefined;
      this.#isLocked = table.backends.some(
        ({ shape: { users } }) => users !== undefined && 'secret' in users,
      );
    } catch (error) {
      this.#table = before;
      this.#problem = messageOf(error);
      void this.#retry();
      throw error;
    }
  }

  /** What should be served is tried again after ever longer pauses: a port may have become free. */
  async #retry(): Promise<void> {
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    let wait = retryMs.first;
    while (this.#problem !== undefined && (await pause(this.#parts.clock, wait, this.#closed.signal))) {
      await this.#turns.run('table', () => this.#serveAgain());
      wait = Math.min(2 * wait, retryMs.most);
    }
    this.#isRetrying = false;
  }

  async #serveAgain(): Promise<void> {
    const known = this.#problem;
    if (known === undefined) return;
    await this.#serve(this.#all()).catch((error: unknown) => {
      if (messageOf(error) !== known) this.#parts.report('ingress does not serve', error);
    });
  }

  /** Secrets that cannot be opened let nobody in; the next `assign` tries again. */
  async #withUsers(table: IngressTable): Promise<IngressTable> {
    const backends = await Promise.all(
      table.backends.map(async (backend) => {
        const { users } = backend.shape;
        if (users === undefined || !('secret' in users) || users.stored === undefined) return backend;
        try {
          const value = await this.#parts.secrets.value(users.stored);
          const lines = Buffer.from(value).toString().split('\n');
          return { ...backend, shape: { ...backend.shape, users: { lines } } };
        } catch (error) {
          this.#parts.report(`nobody may enter ${backend.app}/${backend.service}`, error);
          return backend;
        }
      }),
    );
    return { ...table, backends };
  }

  async #tell(app: string, service: string): Promise<void> {
    for (const backend of this.#table.backends)
      if (backend.app === app && backend.service === service)
        await this.#parts.balancer.setServers(backend.name, this.#serversOf(backend));
  }

  /** Those that answer at this moment: a list that was given earlier may be old by now. */
  #serversOf(backend: Backend): BackendServer[] {
    const ready = this.#services.ready(backend.app, backend.service);
    const servers = serversOf(backend, ready);
    if (servers.length < ready.length)
      this.#parts.report(
        `some replicas of ${backend.app}/${backend.service} get no requests`,
        invalid('ingress-unreachable', 'they are in no network in which this machine has an address'),
      );
    if (backend.shape.sticky === undefined) return servers;
    const draining = this.#services.draining(backend.app, backend.service);
    return [...servers, ...serversOf(backend, draining).map((one) => ({ ...one, draining: true }))];
  }

  #view(route: IngressRoute): contracts.RouteView {
    const { app, service, host, path, exact, tls, port, shape } = route;
    const certificate = endsTls(route) ? this.#parts.certificates.view(host) : undefined;
    const backend = backendOf(route);
    return {
      ...{ app, service, host, path, exact, tls, port },
      entrypoint: entrypointOf(route, this.#parts.settings),
      protocol: shape.protocol,
      backend: backend.name,
      ready: serversOf(backend, this.#services.ready(app, service)).length,
      ...(certificate === undefined ? {} : { certificate }),
    };
  }
}

function sameRoutes(one: readonly IngressRoute[], other: readonly IngressRoute[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
