import { isUp, type Assessment } from './assess.ts';
import type { ObservedContainer } from './observed.ts';
import type { Step } from './step.ts';
import type { AppTarget, ServiceTarget } from './target.ts';

/** Creates, replaces and starts containers in dependency order, with the waits between and after. */
export class Rollout {
  readonly #probedImages: ReadonlySet<string>;
  readonly #target: AppTarget;
  readonly #services: ReadonlyMap<string, Assessment>;
  readonly #steps: Step[] = [];
  readonly #waits = new Set<string>();
  /** Services that get a new container, or are started. */
  readonly #renewed = new Set<string>();
  readonly #touched = new Set<string>();

  constructor(
    probedImages: ReadonlySet<string>,
    target: AppTarget,
    services: ReadonlyMap<string, Assessment>,
  ) {
    this.#probedImages = probedImages;
    this.#target = target;
    this.#services = services;
  }

  steps(): Step[] {
    for (const service of this.#target.services) this.#service(service);
    for (const service of this.#target.services) this.#settle(service);
    return this.#steps;
  }

  #service(service: ServiceTarget): void {
    const own = service.replicas.flatMap(({ replica, name }) => this.#replica(service, replica, name));
    if (own.length === 0) return;
    for (const dependency of service.dependsOn)
      this.#waitFor(dependency.service, dependency.condition, `${service.name} depends on it`);
    this.#steps.push(...own);
    this.#touched.add(service.name);
  }

  #replica(service: ServiceTarget, replica: number, name: string): Step[] {
    const found = this.#services.get(service.name);
    const current = found?.current.get(replica);
    const of = { service: service.name, name };
    const start = (reason: string): Step => ({ kind: 'start-container', ...of, reason });
    if (current === undefined) {
      this.#renewed.add(service.name);
      return [{ kind: 'create-container', ...of, replica, reason: 'new' }, start('new')];
    }
    const reason = found?.outdated.get(replica) ?? this.#joinReason(service);
    if (reason !== undefined) {
      this.#renewed.add(service.name);
      found?.replaced.push(current);
      return [
        { kind: 'replace-container', ...of, replica, container: current.id, reason },
        start('replaced'),
      ];
    }
    const steps: Step[] = [];
    if (current.name !== name)
      steps.push({
        kind: 'rename-container',
        ...of,
        container: current.id,
        reason: `it is called ${current.name}`,
      });
    if (!isUp(current) && !current.completed) return [...steps, start(`it is ${current.status}`)];
    const restarter = service.dependsOn.find((one) => one.restart && this.#renewed.has(one.service));
    if (restarter !== undefined && isUp(current))
      steps.push({ kind: 'restart-container', ...of, reason: `${restarter.service} is replaced` });
    return steps;
  }

  #joinReason(service: ServiceTarget): string | undefined {
    const renewed = service.joins.find((one) => this.#renewed.has(one));
    return renewed === undefined ? undefined : `it shares a namespace of ${renewed}, which is replaced`;
  }

  /** After everything has been started: wait until what was touched, or is not well, is as wanted. */
  #settle(service: ServiceTarget): void {
    const containers = [...(this.#services.get(service.name)?.current.values() ?? [])];
    const unwell = containers.some((one) => one !== undefined && isUnwell(one));
    if (!this.#touched.has(service.name) && !unwell) return;
    if (this.#isProbed(service)) this.#waitFor(service.name, 'healthy', 'to know that it works');
    else if (!this.#waits.has(`completed ${service.name}`))
      this.#waitFor(service.name, 'started', 'to know that it runs');
  }

  #isProbed(service: ServiceTarget): boolean {
    if (service.probe !== 'image') return service.probe === 'own';
    return this.#probedImages.has(service.image);
  }

  #waitFor(name: string, condition: 'started' | 'healthy' | 'completed', reason: string): void {
    const service = this.#services.get(name);
    const key = `${condition} ${name}`;
    if (service === undefined || this.#waits.has(key) || this.#isMet(service, condition)) return;
    if (service.target.replicas.length === 0) return;
    this.#waits.add(key);
    this.#steps.push({ kind: `wait-${condition}`, service: name, reason });
  }

  #isMet(service: Assessment, condition: 'started' | 'healthy' | 'completed'): boolean {
    if (this.#touched.has(service.target.name)) return false;
    return [...service.current.values()].every((one) => {
      if (one === undefined) return false;
      if (condition === 'completed') return one.completed;
      if (condition === 'healthy') return one.status === 'running' && one.health === 'healthy';
      return isUp(one) || one.completed;
    });
  }
}

/** A paused container is not probed, so nothing can be said of it. */
function isUnwell({ status, health }: ObservedContainer): boolean {
  const probed = status === 'running' || status === 'restarting';
  return probed && (health === 'starting' || health === 'unhealthy');
}
