import { serviceKey } from '#domain/app/service-key.ts';
import type { AppModel } from '#domain/app/model.ts';
import type { AppIdentity } from '#domain/container/container.ts';
import { compile, type CompiledPolicies } from '#domain/policy/compile.ts';
import type { Judgement } from '#domain/policy/evaluate.ts';
import { matchesName } from '#domain/policy/selectors.ts';
import { policedServices, type PolicedService, type PolicyWorld } from '#domain/policy/world.ts';
import type { Events } from '#engine/contracts.ts';
import type * as contracts from '#engine/contracts/policies.ts';
import type { Clock } from '#ports/clock.ts';
import type { DenialLog } from '#ports/denial-log.ts';
import type { FilterChange, GuardedAddress, PacketFilter, PolicyRules } from '#ports/packet-filter.ts';
import type { Resolver } from '#ports/resolver.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';
import { Denials } from './denials.ts';
import { Flows } from './flows.ts';

export interface PolicyParts {
  store: Pick<StateStore, 'collection'>;
  filter: Pick<PacketFilter, 'apply'>;
  denials: DenialLog;
  resolver: Pick<Resolver, 'lookup'>;
  clock: Pick<Clock, 'timestamp' | 'now'>;
  events: Pick<Events, 'emit'>;
  report: (problem: string, error: unknown) => void;
}

/** Seconds for which an address of a name is allowed at least: clients keep answers longer than they should. */
const leastSeconds = 30;

interface Stored {
  services: readonly PolicedService[];
}

/** The policies of all apps and those whom they are about. */
export class Policies implements contracts.Policies {
  readonly #parts: PolicyParts;
  readonly #stored: Collection<Stored>;
  readonly #apps: Map<string, readonly PolicedService[]>;
  /** Containers of apps by address. */
  readonly #members = new Map<string, AppIdentity>();
  readonly #denials: Denials;
  readonly #flows: Flows;
  #compiled: CompiledPolicies;

  constructor(parts: PolicyParts) {
    this.#parts = parts;
    this.#stored = parts.store.collection<Stored>('policies');
    this.#apps = new Map(this.#stored.entries().map(([app, { services }]) => [app, services]));
    this.#compiled = compile(this.#world());
    const nameOf = (address: string): AppIdentity | undefined => this.#members.get(address);
    this.#denials = new Denials(parts, nameOf);
    this.#flows = new Flows({
      world: () => this.#world(),
      members: this.#members,
      lookup: (name) => parts.resolver.lookup(name),
    });
  }

  /** Listens to what is refused; without it everything else works. */
  start(): void {
    this.#denials.start();
  }

  close(): void {
    this.#parts.denials.close();
  }

  async declare(model: AppModel): Promise<{ former: readonly PolicedService[]; changed: boolean }> {
    const former = this.#apps.get(model.name) ?? [];
    const services = policedServices(model);
    await this.restore(model.name, services);
    return { former, changed: JSON.stringify(former) !== JSON.stringify(services) };
  }

  async restore(app: string, services: readonly PolicedService[]): Promise<void> {
    const former = this.#apps.get(app) ?? [];
    if (JSON.stringify(former) === JSON.stringify(services)) return;
    this.#put(app, services);
    try {
      await this.#enforce();
    } catch (error) {
      this.#put(app, former);
      throw error;
    }
  }

  #put(app: string, services: readonly PolicedService[]): void {
    if (services.length === 0) {
      this.#stored.delete(app);
      this.#apps.delete(app);
    } else {
      this.#stored.put(app, { services });
      this.#apps.set(app, services);
    }
    this.#compiled = compile(this.#world());
  }

  async join(identity: AppIdentity, addresses: readonly string[]): Promise<void> {
    this.adopt(identity, addresses);
    try {
      await this.#parts.filter.apply(addresses.flatMap((address) => this.#guard(address, identity)));
    } catch (error) {
      for (const address of addresses) this.#members.delete(address);
      throw error;
    }
  }

  async leave(addresses: readonly string[]): Promise<void> {
    const known = addresses.filter((address) => this.#members.delete(address));
    if (known.length === 0) return;
    await this.#parts.filter.apply(known.map((address): FilterChange => ({ do: 'unguard', address })));
  }

  adopt(identity: AppIdentity, addresses: readonly string[]): void {
    for (const address of addresses) this.#members.set(address, identity);
  }

  state(): { rules: PolicyRules; guarded: GuardedAddress[] } {
    const guarded = [...this.#members].flatMap(
      ([address, identity]) => this.#guardOf(address, identity) ?? [],
    );
    return { rules: this.#compiled, guarded };
  }

  awaits(name: string, asker: string): boolean {
    return this.#patterns(name, asker).length > 0;
  }

  async resolved(name: string, asker: string, addresses: readonly string[], seconds: number): Promise<void> {
    const allowed = { addresses: [...addresses], seconds: Math.max(seconds, leastSeconds) };
    const patterns = this.#patterns(name, asker);
    try {
      await this.#parts.filter.apply(
        patterns.map((pattern): FilterChange => ({ do: 'allow-name', name: pattern, ...allowed })),
      );
      this.#flows.remember(name, addresses);
    } catch (error) {
      this.#parts.report(`${asker} cannot call ${name}, which its policy allows`, error);
    }
  }

  list(app?: string): contracts.ShownPolicy[] {
    return [...this.#apps]
      .filter(([name]) => app === undefined || name === app)
      .flatMap(([name, services]) => shown(name, services));
  }

  test(flow: string, app?: string): Promise<Judgement & { flow: string }> {
    return this.#flows.test(flow, app);
  }

  denied(query: { app?: string; follow: boolean; signal: AbortSignal }): AsyncIterable<contracts.Denial> {
    return this.#denials.read(query);
  }

  /** All rules and whom they are about, of which the packet filter changes what is new. */
  async #enforce(): Promise<void> {
    const { rules, guarded } = this.state();
    const kept = new Set(guarded.map(({ address }) => address));
    await this.#parts.filter.apply([
      { do: 'set-policies', policies: rules },
      ...guarded.map((one): FilterChange => ({ do: 'guard', guarded: one })),
      ...[...this.#members.keys()]
        .filter((address) => !kept.has(address))
        .map((address): FilterChange => ({ do: 'unguard', address })),
    ]);
  }

  #guard(address: string, identity: AppIdentity): FilterChange[] {
    const guarded = this.#guardOf(address, identity);
    return guarded === undefined ? [] : [{ do: 'guard', guarded }];
  }

  #guardOf(address: string, { app, service }: AppIdentity): GuardedAddress | undefined {
    const guard = this.#compiled.guards.get(serviceKey(app, service));
    return guard && { address, ...guard };
  }

  /** The DNS names of policies that let the asker call this one. */
  #patterns(name: string, asker: string): string[] {
    const identity = this.#members.get(asker);
    if (identity === undefined || this.#compiled.names.length === 0) return [];
    const guard = this.#compiled.guards.get(serviceKey(identity.app, identity.service));
    const rules = this.#compiled.lists.find(({ id }) => id === guard?.egress)?.rules ?? [];
    return rules.flatMap(({ peer }) =>
      peer.kind === 'name' && matchesName(peer.name, name) ? [peer.name] : [],
    );
  }

  #world(): PolicyWorld {
    return { services: [...this.#apps.values()].flat() };
  }
}

/** Each policy of an app once, with whom it selects. */
function shown(app: string, services: readonly PolicedService[]): contracts.ShownPolicy[] {
  const byText = new Map<string, contracts.ShownPolicy>();
  for (const { service, policies } of services)
    for (const policy of policies) {
      const key = JSON.stringify(policy);
      const known = byText.get(key) ?? { ...policy, app, selected: [] };
      known.selected.push(service);
      byText.set(key, known);
    }
  return [...byText.values()];
}
