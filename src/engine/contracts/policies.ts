import type { AppModel } from '#domain/app/model.ts';
import type { AppIdentity } from '#domain/container/container.ts';
import type { Judgement } from '#domain/policy/evaluate.ts';
import type { Direction, Policy, Protocol } from '#domain/policy/model.ts';
import type { PolicedService } from '#domain/policy/world.ts';
import type { GuardedAddress, PolicyRules } from '#ports/packet-filter.ts';

/** What the room networks tells of the containers of apps. */
export interface PolicyMembers {
  /** Before a container has a link. Resolves when its policies hold. */
  join(identity: AppIdentity, addresses: readonly string[]): Promise<void>;
  /** After its link is gone. */
  leave(addresses: readonly string[]): Promise<void>;
  /** After a restart; the rules are the caller's to set, from `state`. */
  adopt(identity: AppIdentity, addresses: readonly string[]): void;
  state(): { rules: PolicyRules; guarded: GuardedAddress[] };
  /** Whether the answer for a name is to be told by `resolved`, because policies allow the asker to call it. */
  awaits(name: string, asker: string): boolean;
  /** Resolves when the asker may call the addresses. `seconds`: for how long the answer is good. */
  resolved(name: string, asker: string, addresses: readonly string[], seconds: number): Promise<void>;
}

/** A policy with the services that it selects. */
export interface ShownPolicy extends Policy {
  app: string;
  selected: string[];
}

/** One connection that was refused, or several alike. */
export interface Denial {
  /** RFC 3339, of the latest. */
  time: string;
  /** At which end: `egress` of who calls, `ingress` of who is called. */
  direction: Direction;
  /** APP/SERVICE, or an address. */
  from: string;
  to: string;
  fromAddress: string;
  toAddress: string;
  protocol: Protocol | 'other';
  port: number;
  count: number;
}

export interface Policies extends PolicyMembers {
  /** What an app is subject to from now on. Gives what it was before, for `restore`. */
  declare(model: AppModel): Promise<{ former: readonly PolicedService[]; changed: boolean }>;
  /** An empty list: nothing is known of it any more. */
  restore(app: string, services: readonly PolicedService[]): Promise<void>;
  list(app?: string): ShownPolicy[];
  /** `FROM -> TO:PORT`. @throws invalid `policy-flow`; not-found `policy-end-missing` */
  test(flow: string, app?: string): Promise<Judgement & { flow: string }>;
  denied(query: { app?: string; follow: boolean; signal: AbortSignal }): AsyncIterable<Denial>;
}
