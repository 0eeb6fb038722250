import { notFound } from '#base/errors.ts';
import { nearest } from '#base/nearest.ts';
import type { AppIdentity } from '#domain/container/container.ts';
import { serviceKey } from '#domain/app/service-key.ts';
import { evaluate, type FlowEnd, type Judgement } from '#domain/policy/evaluate.ts';
import { parseFlow, type NamedEnd } from '#domain/policy/flow.ts';
import type { PolicyWorld } from '#domain/policy/world.ts';

/** Names whose addresses are kept, for telling which name an address stands for. */
const mostNames = 1000;

export interface FlowParts {
  world: () => PolicyWorld;
  members: ReadonlyMap<string, AppIdentity>;
  /** Addresses of a name, as the host knows it. */
  lookup: (name: string) => Promise<string[]>;
}

/** Whether connections that a person describes would pass. */
export class Flows {
  readonly #parts: FlowParts;
  readonly #names = new Map<string, readonly string[]>();

  constructor(parts: FlowParts) {
    this.#parts = parts;
  }

  /** What the resolver has told to a container that may call the name. */
  remember(name: string, addresses: readonly string[]): void {
    this.#names.delete(name);
    this.#names.set(name, addresses);
    const [oldest] = this.#names.keys();
    if (this.#names.size > mostNames && oldest !== undefined) this.#names.delete(oldest);
  }

  async test(text: string, app: string | undefined): Promise<Judgement & { flow: string }> {
    const { from, to, protocol, port } = parseFlow(text);
    const ends = { from: await this.#end(from, app), to: await this.#end(to, app) };
    const judgement = evaluate(this.#parts.world(), { ...ends, protocol, port });
    return { flow: `${shown(ends.from)} -> ${shown(ends.to)}:${port}/${protocol}`, ...judgement };
  }

  async #end(end: NamedEnd, app: string | undefined): Promise<FlowEnd> {
    switch (end.kind) {
      case 'host':
        return { kind: 'host', addresses: [] };
      case 'world':
        return { kind: 'world', addresses: [], names: [] };
      case 'name':
        return { kind: 'world', names: [end.name], addresses: await this.#parts.lookup(end.name) };
      case 'address':
        return this.#ofAddress(end.address);
      case 'service':
        return this.#ofService(end.service, end.app ?? app);
    }
  }

  #ofAddress(address: string): FlowEnd {
    const identity = this.#parts.members.get(address);
    if (identity !== undefined) return this.#ofService(identity.service, identity.app);
    const names = [...this.#names].flatMap(([name, known]) => (known.includes(address) ? [name] : []));
    return { kind: 'world', addresses: [address], names };
  }

  /** @throws not-found `policy-end-missing` when no service has the name, or those of several apps */
  #ofService(service: string, app: string | undefined): FlowEnd {
    const { services } = this.#parts.world();
    const found = services.filter((one) => one.service === service && (app === undefined || one.app === app));
    const [one, other] = found;
    if (one !== undefined && other === undefined) {
      const members = [...this.#parts.members].filter(
        ([, identity]) => identity.app === one.app && identity.service === service,
      );
      return { kind: 'service', app: one.app, service, addresses: members.map(([address]) => address) };
    }
    const keys = (found.length > 0 ? found : services).map((each) => serviceKey(each.app, each.service));
    const what = app === undefined ? `service '${service}'` : `service '${serviceKey(app, service)}'`;
    if (found.length > 1)
      throw notFound('policy-end-missing', `several apps have a ${what}`, {
        hint: `name one of ${keys.join(', ')}`,
      });
    const near = nearest(
      app === undefined ? service : serviceKey(app, service),
      app === undefined ? services.map((each) => each.service) : keys,
    );
    throw notFound('policy-end-missing', `there is no ${what}`, {
      hint: near === undefined ? 'berth ps lists the apps' : `did you mean '${near}'?`,
    });
  }
}

function shown(end: FlowEnd): string {
  if (end.kind === 'service') return serviceKey(end.app, end.service);
  if (end.kind === 'world') return end.names[0] ?? end.addresses[0] ?? 'world';
  return end.kind === 'host' ? 'host' : (end.addresses[0] ?? 'a container');
}
