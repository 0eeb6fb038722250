import { isUnwell, isUp, type Assessment } from './assess.ts';
import type { ObservedApp } from './observed.ts';
import type { PlanOptions } from './plan.ts';
import { ServiceRollout } from './service-rollout.ts';
import type { Step } from './step.ts';
import type { AppTarget, ServiceTarget } from './target.ts';

/** Seconds in which a container without any probe may still fall over before it is let in. */
const unprobedSettle = 1;

const nobody: ReadonlySet<string> = new Set();

/** Brings the services to what they should be in dependency order, with the waits between and after. */
export class Rollout {
  readonly #observed: ObservedApp;
  readonly #target: AppTarget;
  readonly #services: ReadonlyMap<string, Assessment>;
  readonly #renew: ReadonlySet<string>;
  readonly #stopped: ReadonlySet<string>;
  readonly #steps: Step[] = [];
  readonly #removals: Step[] = [];
  readonly #renames: Step[] = [];
  readonly #waits = new Set<string>();
  /** Services that get a new container. */
  readonly #renewed = new Set<string>();
  readonly #touched = new Set<string>();

  constructor(
    observed: ObservedApp,
    target: AppTarget,
    services: ReadonlyMap<string, Assessment>,
    { renew = nobody, stopped = nobody }: Pick<PlanOptions, 'renew' | 'stopped'>,
  ) {
    this.#renew = renew;
    this.#stopped = stopped;
    this.#observed = observed;
    this.#target = target;
    this.#services = services;
  }

  /** In two parts: what removes former containers comes last, so that a failure can put them back. */
  steps(): { steps: Step[]; cleanUp: Step[] } {
    const services = this.#target.services.filter((one) => !this.#stopped.has(one.name));
    for (const service of services) this.#service(service);
    for (const service of services) this.#settle(service);
    return { steps: this.#steps, cleanUp: [...this.#removals, ...this.#renames] };
  }

  #service(service: ServiceTarget): void {
    const found = this.#services.get(service.name);
    if (found === undefined) return;
    const renew = this.#renewReason(service);
    const restarter = service.dependsOn.find((one) => one.restart && this.#renewed.has(one.service));
    const rollout = new ServiceRollout(found, {
      ...(renew === undefined ? {} : { renew }),
      ...(restarter === undefined ? {} : { restart: `${restarter.service} is replaced` }),
      settle: service.update.settle ?? (this.#isProbed(service) ? 0 : unprobedSettle),
      names: new Set(this.#observed.containers.map((one) => one.name)),
    });
    this.#removals.push(...rollout.removals);
    this.#renames.push(...rollout.renames);
    if (rollout.steps.length === 0) return;
    if (rollout.steps.some((step) => step.kind === 'start-container'))
      for (const dependency of service.dependsOn)
        this.#waitFor(dependency.service, dependency.condition, `${service.name} depends on it`);
    this.#steps.push(...rollout.steps);
    if (rollout.isRenewed) this.#renewed.add(service.name);
    this.#touched.add(service.name);
    if (!rollout.isAwaited) return;
    this.#waits.add(`started ${service.name}`);
    if (this.#isProbed(service)) this.#waits.add(`healthy ${service.name}`);
  }

  #renewReason(service: ServiceTarget): string | undefined {
    if (this.#renew.has(service.name)) return 'a restart was asked for';
    const renewed = service.joins.find((one) => this.#renewed.has(one));
    return renewed === undefined ? undefined : `it shares a namespace of ${renewed}, which is replaced`;
  }

  /** After everything has been started: wait until what was touched, or is not well, is as wanted. */
  #settle(service: ServiceTarget): void {
    const containers = (this.#services.get(service.name)?.slots ?? []).map((one) => one.current);
    const unwell = containers.some((one) => one !== undefined && isUnwell(one));
    if (!this.#touched.has(service.name) && !unwell) return;
    if (this.#isProbed(service)) this.#waitFor(service.name, 'healthy', 'to know that it works');
    else if (!this.#waits.has(`completed ${service.name}`))
      this.#waitFor(service.name, 'started', 'to know that it runs');
  }

  #isProbed(service: ServiceTarget): boolean {
    if (service.probe !== 'image') return service.probe === 'own';
    return this.#observed.probedImages.has(service.image);
  }

  #waitFor(name: string, condition: 'started' | 'healthy' | 'completed', reason: string): void {
    const service = this.#services.get(name);
    const key = `${condition} ${name}`;
    if (service === undefined || this.#waits.has(key) || this.#isMet(service, condition)) return;
    if (service.target.replicas.length === 0 || this.#stopped.has(name)) return;
    this.#waits.add(key);
    this.#steps.push({ kind: `wait-${condition}`, service: name, reason });
  }

  #isMet(service: Assessment, condition: 'started' | 'healthy' | 'completed'): boolean {
    if (this.#touched.has(service.target.name)) return false;
    return service.slots.every(({ current: one }) => {
      if (one === undefined) return false;
      if (condition === 'completed') return one.completed;
      if (condition === 'healthy') return one.status === 'running' && one.health === 'healthy';
      return isUp(one) || one.completed;
    });
  }
}
