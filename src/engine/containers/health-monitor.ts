import { finished } from 'node:stream/promises';
import { formatDuration } from '#domain/units/duration.ts';
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
import { messageOf } from '#base/errors.ts';
import type { ExecProcess } from '#ports/runtime.ts';

const keptOutput = 4096;
const SIGKILL = 9;

/** Probes the running containers that have a health check: one probe at a time for each. */
export class HealthMonitor {
  readonly #parts: ContainerParts;
  readonly #registry: ContainerRegistry;
  readonly #execs: Execs;
  readonly #watches = new Map<string, AbortController>();

  constructor(parts: ContainerParts, registry: ContainerRegistry, execs: Execs) {
    this.#parts = parts;
    this.#registry = registry;
    this.#execs = execs;
  }

  /** Goes on from the container's present health. Does nothing without a health check. */
  begin(container: Container): void {
    const plan = healthPlan(container.config.Healthcheck, container.config.Shell ?? []);
    if (plan === undefined) return;
    this.end(container.id);
    const stop = new AbortController();
    this.#watches.set(container.id, stop);
    this.#watch(container.id, plan, stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) this.#parts.report(`health check of ${container.id} ended`, error);
    });
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
      const result = await this.#probe(container, plan, signal);
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
    const judged = this.#registry.setState(container, { health });
    if (health.status !== before.status)
      announce(this.#parts.events, judged, `health_status: ${health.status}`);
  }

  async #probe(container: Container, plan: HealthPlan, signal: AbortSignal): Promise<ProbeResult> {
    const { clock } = this.#parts;
    const start = clock.timestamp();
    const ended = (exitCode: number, output: string): ProbeResult => ({
      Start: start,
      End: clock.timestamp(),
      ExitCode: exitCode,
      Output: output,
    });
    try {
      const process = await this.#execs.run(container, { Cmd: plan.command }, { tty: false, stdin: false });
      const output = collect(process);
      const exitCode = await this.#within(process, plan.timeout, signal);
      if (exitCode === undefined) return ended(-1, tooLate(plan, output.text()));
      await output.complete;
      return ended(exitCode, output.text());
    } catch (error) {
      return ended(-1, messageOf(error));
    }
  }

  /** The exit code; undefined when the time was up. Nothing of the probe is left either way. */
  async #within(process: ExecProcess, timeout: number, signal: AbortSignal): Promise<number | undefined> {
    const timer = new AbortController();
    // The clock rejects when the probe came first or its container ends: then nobody looks at this any more.
    const timeUp = this.#parts.clock
      .sleep(timeout, AbortSignal.any([timer.signal, signal]))
      .then(() => undefined)
      .catch(() => undefined);
    try {
      const first = await Promise.race([process.exit, timeUp]);
      if (first === undefined) process.signal(SIGKILL);
      return first?.exitCode;
    } finally {
      timer.abort();
      process.close();
    }
  }
}

/** In Docker's words. */
function tooLate({ timeout }: HealthPlan, output: string): string {
  const said = `Health check exceeded timeout (${formatDuration(timeout * 1_000_000)})`;
  return output === '' ? said : `${said}: ${output}`;
}

interface Collected {
  text: () => string;
  /** Resolves when there is no more to come. */
  complete: Promise<unknown>;
}

/** Reads all output, so that the probe never blocks, and keeps the beginning. */
function collect(process: ExecProcess): Collected {
  const chunks: Buffer[] = [];
  let size = 0;
  const keep = (chunk: Buffer): void => {
    if (size < keptOutput) chunks.push(chunk.subarray(0, keptOutput - size));
    size += chunk.length;
  };
  const streams = [process.stdout, process.stderr];
  for (const stream of streams) stream.on('data', keep);
  return {
    text: () => Buffer.concat(chunks).toString('utf8'),
    complete: Promise.allSettled(streams.map((stream) => finished(stream, { writable: false }))),
  };
}
