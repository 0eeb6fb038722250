import { isServing, isUnwell, isUp, type Assessment, type Slot, type Surplus } from './assess.ts';
import type { ObservedContainer } from './observed.ts';
import type { Step } from './step.ts';
import type { ServiceTarget } from './target.ts';

export interface ServiceContext {
  /** Why all its containers must be made anew, up to date or not. */
  renew?: string;
  /** Why those that stay must be restarted. */
  restart?: string;
  /** Seconds. */
  settle: number;
  /** Of containers of the app. */
  names: ReadonlySet<string>;
}

/** What one service needs, in three parts: the last two come after all services have done the first. */
export interface ServiceSteps {
  steps: Step[];
  removals: Step[];
  renames: Step[];
  /** It gets a new container. */
  isRenewed: boolean;
  /** Every replica was waited for until it could serve. */
  isAwaited: boolean;
}

/**
 * Brings a service's containers to what its target says. Requests go to a new container once it is ready, and no more
 * to the former one; that is stopped when its connections are done. Where two cannot be there at once, the former one
 * is stopped first. What fails leaves somebody to serve: removals come at the very end.
 */
export class ServiceRollout implements ServiceSteps {
  readonly #service: ServiceTarget;
  readonly #context: ServiceContext;
  readonly #taken: Set<string>;
  /** Somebody gets requests now: a newcomer waits until it is ready. */
  readonly #serves: boolean;
  readonly steps: Step[] = [];
  readonly removals: Step[] = [];
  readonly renames: Step[] = [];
  isRenewed = false;
  isAwaited = true;

  constructor({ target, slots: found, surplus }: Assessment, context: ServiceContext) {
    this.#service = target;
    this.#context = context;
    this.#taken = new Set(context.names);
    const slots = found.map((slot) => (context.renew === undefined ? slot : renewed(slot, context.renew)));
    const all = [
      ...slots.flatMap((one) => [one.current, ...one.formers]),
      ...surplus.map((one) => one.container),
    ];
    this.#serves = all.some((one) => one !== undefined && isServing(one));
    const isIdle = (one: Surplus): boolean =>
      !isUp(one.container) || one.container.traffic === 'held' || this.#mustStopFirst(one, slots.length);
    this.#clear(surplus.filter(isIdle));
    for (const slot of slots) this.#keep(slot);
    this.#add(slots.filter((one) => one.current === undefined && one.formers.length === 0));
    this.#replace(slots.filter((one) => one.formers.length > 0));
    this.#retire(
      surplus.filter((one) => !isIdle(one)),
      slots,
    );
  }

  /** Two of the same replica are two too many where one must stop before the next starts. */
  #mustStopFirst({ container }: Surplus, wanted: number): boolean {
    return this.#service.update.order === 'stop-first' && container.replica <= wanted;
  }

  /** Those that get no requests go before anything else: they may hold names and ports. */
  #clear(surplus: readonly Surplus[]): void {
    for (const { container, reason } of surplus) {
      if (isUp(container)) this.steps.push(stop(container, reason));
      this.steps.push(removal(container, reason));
      this.#taken.delete(container.name);
    }
  }

  /** The container is as it should be: it may have to be started, let in or called by its name. */
  #keep({ current, formers, name }: Slot): void {
    if (current === undefined) return;
    if (current.name !== name) this.#rename(current.name, name, `it is called ${current.name}`);
    if (formers.length > 0) return;
    const of = { service: this.#service.name, name: current.name };
    if (!isUp(current) && !current.completed) {
      this.isAwaited = false;
      this.steps.push({ kind: 'start-container', ...of, reason: `it is ${current.status}` });
    } else if (this.#context.restart !== undefined && isUp(current)) {
      this.isAwaited = false;
      this.#restart(current, this.#context.restart);
    }
    if (current.traffic === undefined || current.completed) {
      this.isAwaited &&= !isUnwell(current);
      return;
    }
    if (current.status !== 'paused') this.#awaitReady([current.name]);
    this.#shift([current.name], [], 'it was kept from requests by an interrupted change');
  }

  /** One replica after the other, while the others answer. */
  #restart(current: ObservedContainer, reason: string): void {
    const { name } = current;
    const hasOthers = this.#service.replicas.length > 1 && isServing(current);
    if (hasOthers) this.#drain([current]);
    this.steps.push({ kind: 'restart-container', service: this.#service.name, name, reason });
    if (!hasOthers) return;
    this.#awaitReady([name]);
    this.#shift([name], [], 'ready again');
  }

  #add(slots: readonly Slot[]): void {
    const names = this.#startLast(() => slots.map((slot) => this.#create(slot, 'new')));
    if (names.length === 0) return;
    this.isRenewed = true;
    this.isAwaited &&= this.#serves;
    if (!this.#serves) return;
    this.#awaitReady(names);
    this.#shift(names, [], 'ready');
  }

  /** In groups, as many at a time as the policy allows. */
  #replace(slots: readonly Slot[]): void {
    const { parallelism, delay } = this.#service.update;
    const size = parallelism === 0 ? Math.max(1, slots.length) : parallelism;
    for (let at = 0; at < slots.length; at += size) {
      if (at > 0 && delay > 0)
        this.steps.push({
          kind: 'wait-delay',
          service: this.#service.name,
          seconds: delay,
          reason: 'between two groups of the update',
        });
      this.#replaceGroup(slots.slice(at, at + size));
    }
  }

  #replaceGroup(group: readonly Slot[]): void {
    const early = group.filter((slot) => this.#because(slot) !== '');
    const beside = group.filter((slot) => !early.includes(slot)).flatMap((slot) => slot.formers);
    // With one replica nobody else takes the requests: it would only be away for longer.
    if (this.#service.replicas.length > 1) this.#drain(early.flatMap((one) => one.formers));
    const names = this.#startLast(() =>
      group.map((slot) => (early.includes(slot) ? this.#exchange(slot) : this.#createBeside(slot))),
    );
    this.isRenewed = true;
    for (const former of group.flatMap((slot) => slot.formers))
      this.removals.push(removal(former, 'replaced'));
    if (this.#serves || group.some((slot) => slot.current?.traffic !== undefined)) {
      this.#awaitReady(names);
      this.#shift(names, beside, 'ready');
      this.#awaitDrained(beside);
      this.#monitor(names);
    } else this.isAwaited = false;
    for (const one of beside.filter(isUp)) this.steps.push(stop(one, 'replaced'));
  }

  /** Why the former container must stop before the next one starts; '' when it need not. */
  #because({ formers }: Slot): string {
    const { order, because = 'the order is stop-first' } = this.#service.update;
    if (!formers.some(isUp)) return 'it does not run';
    if (order === 'stop-first') return because;
    return formers.some((one) => one.anonymousVolumes.length > 0)
      ? 'its unnamed volumes go over to the next'
      : '';
  }

  /** The former one stops, then its successor starts; gives that one's name. */
  #exchange(slot: Slot): string {
    const { name: service } = this.#service;
    const [former, ...others] = slot.formers;
    const goAhead = slot.current === undefined ? others : slot.formers;
    for (const one of goAhead.filter(isUp)) this.steps.push(stop(one, slot.reason));
    if (former === undefined || slot.current !== undefined) return this.#createBeside(slot);
    if (former.name === slot.name) this.#taken.delete(former.name);
    const name = this.#nameOf(slot);
    const reason = isUp(former) ? `${slot.reason}; stops first: ${this.#because(slot)}` : slot.reason;
    const details = { service, replica: slot.replica, name, container: former.id, held: this.#serves };
    this.steps.push(
      { kind: 'replace-container', ...details, reason },
      { kind: 'start-container', service, name, reason: 'replaced' },
    );
    return name;
  }

  #createBeside(slot: Slot): string {
    const { current } = slot;
    if (current === undefined) return this.#create(slot, slot.reason);
    const { name, status } = current;
    if (!isUp(current) && !current.completed)
      this.steps.push({
        kind: 'start-container',
        service: this.#service.name,
        name,
        reason: `it is ${status}`,
      });
    return name;
  }

  /** Neighbours of one kind can be done at once. */
  #startLast(plan: () => string[]): string[] {
    const from = this.steps.length;
    const names = plan();
    const planned = this.steps.splice(from);
    const isStart = (step: Step): boolean => step.kind === 'start-container';
    const isCreation = (step: Step): boolean => step.kind === 'create-container';
    this.steps.push(...planned.filter((step) => !isStart(step) && !isCreation(step)));
    this.steps.push(...planned.filter(isCreation), ...planned.filter(isStart));
    return names;
  }

  #create(slot: Slot, reason: string): string {
    const { name: service } = this.#service;
    const name = this.#nameOf(slot);
    const details = { service, replica: slot.replica, name, held: this.#serves };
    this.steps.push(
      { kind: 'create-container', ...details, reason },
      { kind: 'start-container', service, name, reason },
    );
    return name;
  }

  /** Its own name, or one for as long as another has that. */
  #nameOf(slot: Slot): string {
    let name = slot.name;
    for (let count = 1; this.#taken.has(name); count += 1)
      name = `${slot.name}-next${count === 1 ? '' : String(count)}`;
    this.#taken.add(name);
    if (name !== slot.name) this.#rename(name, slot.name, 'the former one is gone');
    return name;
  }

  #rename(from: string, name: string, reason: string): void {
    this.renames.push({ kind: 'rename-container', service: this.#service.name, from, name, reason });
  }

  /** No more requests for them, and time to end those that they have. */
  #drain(containers: readonly ObservedContainer[]): void {
    const up = containers.filter(isUp);
    if (up.length === 0) return;
    this.#shift([], up, 'it is about to stop');
    this.#awaitDrained(up);
  }

  /** Whoever stays must answer before they go. */
  #retire(surplus: readonly Surplus[], slots: readonly Slot[]): void {
    const kept = slots.flatMap(({ current }) => current ?? []).filter((one) => !one.completed);
    const unsure = kept.filter((one) => one.status !== 'running' || isUnwell(one));
    const awaited = unsure.filter((one) => one.status !== 'paused').map((one) => one.name);
    if (surplus.length > 0 && awaited.length > 0) this.#awaitReady(awaited);
    this.#drain(surplus.map((one) => one.container));
    for (const { container, reason } of surplus) this.steps.push(stop(container, reason));
    for (const { container, reason } of surplus) this.removals.push(removal(container, reason));
  }

  #awaitReady(names: string[]): void {
    const { name: service } = this.#service;
    const { settle } = this.#context;
    this.steps.push({ kind: 'wait-ready', service, names, settle, reason: 'before it gets requests' });
  }

  #shift(to: string[], from: readonly ObservedContainer[], reason: string): void {
    const ids = from.filter(isServing).map((one) => one.id);
    if (to.length + ids.length === 0) return;
    this.steps.push({ kind: 'shift-traffic', service: this.#service.name, to, from: ids, reason });
  }

  #awaitDrained(containers: readonly ObservedContainer[]): void {
    const { drain: atMost } = this.#service.update;
    const ids = containers.filter(isUp).map((one) => one.id);
    if (ids.length === 0 || atMost === 0) return;
    const reason = 'its connections end before it stops';
    this.steps.push({ kind: 'wait-drained', service: this.#service.name, containers: ids, atMost, reason });
  }

  #monitor(names: string[]): void {
    const { monitor: seconds } = this.#service.update;
    if (seconds === 0) return;
    const reason = 'a failure now is the failure of the update';
    this.steps.push({ kind: 'wait-monitored', service: this.#service.name, names, seconds, reason });
  }
}

function renewed({ current, formers, ...slot }: Slot, reason: string): Slot {
  if (current === undefined) return { ...slot, formers };
  return { ...slot, formers: [current, ...formers], reason };
}

export function stop(container: ObservedContainer, reason: string, wave = 0): Step {
  const { service, name, id } = container;
  return { kind: 'stop-container', service, name, container: id, wave, reason };
}

export function removal(container: ObservedContainer, reason: string): Step {
  const { service, name, id } = container;
  return { kind: 'remove-container', service, name, container: id, reason };
}
