import type { Container, ProbeResult } from '#domain/container/container.ts';
import {
  activeRoles,
  firstLookIn,
  type NetworkProbe,
  type Probe,
  type ProbeRole,
  type Probes,
} from '#domain/container/probe.ts';
import { probed } from '#domain/container/probe-health.ts';
import { announce } from '#engine/containers/announcer.ts';
import { joinsContainer } from '#engine/containers/endpoints.ts';
import type { ExecProbe } from '#engine/containers/exec-probe.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';

/** Looks at a container as its probes say, and keeps what they find in the container's state. */
export class ProbeMonitor {
  readonly #parts: ContainerParts;
  readonly #registry: ContainerRegistry;
  readonly #exec: ExecProbe;

  constructor(parts: ContainerParts, registry: ContainerRegistry, exec: ExecProbe) {
    this.#parts = parts;
    this.#registry = registry;
    this.#exec = exec;
  }

  /** Until the signal: startup first, then the others side by side. */
  async watch(id: string, probes: Probes, signal: AbortSignal): Promise<void> {
    for (;;) {
      const roles = activeRoles(probes, this.#registry.get(id).state.probes ?? {});
      if (roles.length === 0) return;
      await Promise.all(roles.map((role) => this.#repeat(id, probes, role, signal)));
    }
  }

  /** Until the role's turn is over. */
  async #repeat(id: string, probes: Probes, role: ProbeRole, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const probe = probes[role];
    if (probe === undefined) return;
    const { state } = this.#registry.get(id);
    await clock.sleep(firstLookIn(probe, clock.now() - Date.parse(state.startedAt)), signal);
    for (;;) {
      const container = this.#registry.get(id);
      if (container.state.status === 'running') {
        const result = await this.#look(container, probe, signal);
        if (signal.aborted) return;
        this.#judge(id, probes, role, result);
      }
      if (!activeRoles(probes, this.#registry.get(id).state.probes ?? {}).includes(role)) return;
      await clock.sleep(probe.period, signal);
    }
  }

  #judge(id: string, probes: Probes, role: ProbeRole, result: ProbeResult): void {
    const container = this.#registry.byId(id);
    if (container?.state.status !== 'running') return;
    const before = container.state.health?.status;
    const change = probed(probes, container.state, role, result);
    if (change === undefined) return;
    const judged = this.#registry.noteState(container, change);
    const status = change.health?.status ?? 'none';
    if (status !== before) announce(this.#parts.events, judged, `health_status: ${status}`);
  }

  #look(container: Container, probe: Probe, signal: AbortSignal): Promise<ProbeResult> {
    const { action, timeout } = probe;
    return action.kind === 'exec'
      ? this.#exec.run(container, { command: action.command, timeout }, signal)
      : this.#lookFromHost(container, action, timeout, signal);
  }

  async #lookFromHost(
    container: Container,
    action: NetworkProbe,
    timeout: number,
    signal: AbortSignal,
  ): Promise<ProbeResult> {
    const { clock, prober } = this.#parts;
    const Start = clock.timestamp();
    const address = this.#addressOf(container);
    const { success, output } =
      address === undefined
        ? { success: false, output: 'the container has no network: use an exec probe' }
        : await prober.look({ address, action, timeout, signal });
    return { Start, End: clock.timestamp(), ExitCode: success ? 0 : 1, Output: output };
  }

  /** As the host reaches it. */
  #addressOf(container: Container): string | undefined {
    if (container.hostConfig.NetworkMode === 'host') return '127.0.0.1';
    const peer = joinsContainer(container);
    if (peer !== undefined) {
      const other = this.#registry.find(peer);
      return other === undefined ? undefined : this.#addressOf(other);
    }
    const addresses = container.endpoints.map((one) => one.ipAddress || one.ip6Address);
    return addresses.find((address) => address !== '');
  }
}
