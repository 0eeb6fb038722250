import type { Container, ProbeResult } from '#domain/container/container.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import type { Execs } from '#engine/containers/execs.ts';
import {
  afterProbe,
  healthPlan,
  initialHealth,
  nextProbeIn,
  type HealthPlan,
} from '#domain/container/health.ts';
import { announce } from '#engine/containers/announcer.ts';
import { ExecProbe } from '#engine/containers/exec-probe.ts';
import { ProbeMonitor } from '#engine/containers/probe-monitor.ts';

type Watch = (signal: AbortSignal) => Promise<void>;

const pauseAfterFailure = 5000;

/** Watches the running containers that have a health check or probes: one look at a time for each. */
export class HealthMonitor {
  readonly #parts: ContainerParts;
  readonly #registry: ContainerRegistry;
  readonly #exec: ExecProbe;
  readonly #probes: ProbeMonitor;
  readonly #watches = new Map<string, AbortController>();

  constructor(parts: ContainerParts, registry: ContainerRegistry, execs: Execs) {
    this.#parts = parts;
    this.#registry = registry;
    this.#exec = new ExecProbe(parts, execs);
    this.#probes = new ProbeMonitor(parts, registry, this.#exec);
  }

  /** Goes on from the container's present health. Does nothing without a health check and probes. */
  begin(container: Container): void {
    const watch = this.#watchOf(container);
    if (watch === undefined) return;
    this.end(container.id);
    const stop = new AbortController();
    this.#watches.set(container.id, stop);
    void this.#keep(container.id, watch, stop.signal);
  }

  /** Goes on after what could not be recorded, such as on a full disk. Never rejects. */
  async #keep(id: string, watch: Watch, signal: AbortSignal): Promise<void> {
    while (this.#registry.byId(id) !== undefined) {
      const turn = new AbortController();
      try {
        await watch(AbortSignal.any([signal, turn.signal]));
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#parts.report(`looking at the health of container ${id} failed`, error);
      } finally {
        // Of several probes only one failed.
        turn.abort();
      }
      await this.#parts.clock.sleep(pauseAfterFailure, signal).catch(() => undefined);
    }
  }

  /** Probes take the place of a health check. */
  #watchOf({ id, probes, config }: Container): Watch | undefined {
    if (probes !== undefined) return (signal) => this.#probes.watch(id, probes, signal);
    const plan = healthPlan(config.Healthcheck, config.Shell ?? []);
    return plan === undefined ? undefined : (signal) => this.#watch(id, plan, signal);
  }

  /** Idempotent. A probe that runs is killed. */
  end(id: string): void {
    this.#watches.get(id)?.abort();
    this.#watches.delete(id);
  }

  close(): void {
    for (const id of [...this.#watches.keys()]) this.end(id);
  }

  async #watch(id: string, plan: HealthPlan, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    for (;;) {
      const { state } = this.#registry.get(id);
      const ranFor = clock.now() - Date.parse(state.startedAt);
      await clock.sleep(nextProbeIn(plan, state.health?.status ?? 'starting', ranFor), signal);
      const container = this.#registry.get(id);
      if (container.state.status !== 'running') continue;
      const result = await this.#exec.run(container, plan, signal);
      if (signal.aborted) return;
      this.#judge(id, plan, result);
    }
  }

  #judge(id: string, plan: HealthPlan, result: ProbeResult): void {
    const container = this.#registry.byId(id);
    if (container?.state.status !== 'running') return;
    const before = container.state.health ?? initialHealth();
    const startedAfter = Date.parse(result.Start) - Date.parse(container.state.startedAt);
    const health = afterProbe(plan, before, result, startedAfter);
    const judged = this.#registry.noteState(container, { health });
    if (health.status !== before.status)
      announce(this.#parts.events, judged, `health_status: ${health.status}`);
  }
}
