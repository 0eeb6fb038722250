import { messageOf } from '#base/errors.ts';
import { afterFailure, isCrashLoop, type Failures } from '#domain/app/failures.ts';
import { diagnose, isHealed, ruleOf, slotOf, type Remedy } from '#domain/app/heal.ts';
import { isFailing } from '#domain/app/ready.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type { Container } from '#domain/container/container.ts';
import type { AppLocks, Freed } from './app-locks.ts';
import type { FailureLog } from './failure-log.ts';
import { replicasOfApp } from './observe.ts';
import type { AppParts, AppRecord } from './parts.ts';
import { placeOf, Remedies } from './remedies.ts';

const keptLines = 20;

/** What healing asks of the apps. */
export interface HealedApps {
  readonly locks: AppLocks;
  readonly failures: FailureLog;
  /** What an app is to be now. */
  target(app: string): AppTarget | undefined;
  record(app: string): AppRecord | undefined;
  names(): string[];
}

/**
 * Keeps each app as its target says. Level-triggered: a change of a container, or a change of the app that ended,
 * only says which app to look at; what is done follows from what is. One look at a time for each app; changes
 * meanwhile make for one more.
 */
export class Healing {
  readonly #parts: AppParts;
  readonly #apps: HealedApps;
  readonly #remedies: Remedies;
  /** Apps that are looked at now; true: once more after that. */
  readonly #looks = new Map<string, boolean>();
  /** Apps that lack something: every change of them matters. */
  readonly #waiting = new Set<string>();
  readonly #timers = new Map<string, AbortController>();
  readonly #closed = new AbortController();
  #stopListening: (() => void)[] = [];

  constructor(parts: AppParts, apps: HealedApps) {
    this.#parts = parts;
    this.#apps = apps;
    this.#remedies = new Remedies(parts, (app) => apps.record(app));
  }

  /** To be called when the containers of before have been taken over. */
  start(): void {
    const { containers } = this.#parts;
    this.#stopListening = [
      containers.onChange((container) => this.#changed(container)),
      this.#apps.locks.onFree((freed) => this.#freed(freed)),
    ];
    for (const container of containers.list()) this.#countEnd(container);
    for (const app of this.#apps.names()) this.#wake(app);
  }

  close(): void {
    for (const stop of this.#stopListening) stop();
    this.#closed.abort(new Error('the daemon ends'));
    for (const timer of this.#timers.values()) timer.abort();
  }

  #changed(container: Container): void {
    const { identity, state } = container;
    if (identity === undefined || identity.run !== undefined) return;
    this.#countEnd(container);
    if (isHealed(container) && !this.#waiting.has(identity.app)) return;
    if (state.status === 'removing') this.#wakeOnceGone(container.id, identity.app);
    else this.#wake(identity.app);
  }

  #freed({ app, byPerson, failed, verb }: Freed): void {
    // What a person's command left unwell stays for inspection; what it brought up begins with a clean record.
    if (byPerson) {
      this.#apps.failures.forget(app);
      if (failed && verb !== 'down') this.#leaveUnwell(app);
      this.#wake(app);
    } else if (this.#waiting.has(app)) this.#wake(app);
  }

  #wakeOnceGone(id: string, app: string): void {
    this.#parts.containers
      .wait(id, 'removed', this.#closed.signal)
      .then(() => this.#wake(app))
      .catch((error: unknown) => {
        if (!this.#closed.signal.aborted) this.#parts.report(`cannot watch over the app ${app}`, error);
      });
  }

  #wake(app: string): void {
    if (this.#closed.signal.aborted) return;
    const isLooking = this.#looks.has(app);
    this.#looks.set(app, isLooking);
    if (!isLooking) void this.#lookUntilDone(app);
  }

  async #lookUntilDone(app: string): Promise<void> {
    try {
      do {
        this.#looks.set(app, false);
        await this.#look(app);
      } while (this.#looks.get(app) === true && !this.#closed.signal.aborted);
    } catch (error) {
      this.#parts.report(`the app ${app} could not be looked after`, error);
    } finally {
      this.#looks.delete(app);
    }
  }

  async #look(app: string): Promise<void> {
    this.#timers.get(app)?.abort();
    this.#timers.delete(app);
    const target = this.#apps.target(app);
    this.#waiting.delete(app);
    // Who changes the app now wakes this again at the end.
    if (target === undefined || this.#apps.locks.verb(app) !== undefined) return;
    const { remedies, waiting, lookAt } = diagnose({
      target,
      containers: replicasOfApp(this.#parts, app),
      failures: this.#apps.failures.of(app),
      stopped: this.#apps.record(app)?.stopped ?? [],
      now: this.#parts.clock.now(),
    });
    if (waiting) this.#waiting.add(app);
    if (lookAt !== undefined) this.#lookLater(app, lookAt);
    if (remedies.length === 0) return;
    await this.#apps.locks.tryRun(app, 'healing', async (signal) => {
      for (const remedy of remedies) {
        if (signal.aborted) return;
        if (remedy.kind === 'restart' && this.#countFailing(target, remedy.container)) continue;
        await this.#remedies.apply(target, remedy, signal).catch((error: unknown) => {
          // A person's command came first, or the daemon ends: nothing is held against the replica.
          if (!signal.aborted) this.#countFailedRemedy(target, remedy, error);
        });
      }
    });
  }

  #lookLater(app: string, at: number): void {
    const timer = new AbortController();
    this.#timers.set(app, timer);
    const { clock } = this.#parts;
    clock
      .sleep(at - clock.now(), timer.signal)
      .then(() => this.#wake(app))
      .catch(() => undefined);
  }

  /** Notes an end that is a failure, once for each. */
  #countEnd(container: Container): void {
    const { identity, state, hostConfig } = container;
    if (identity === undefined || identity.run !== undefined) return;
    if (!['exited', 'restarting', 'dead'].includes(state.status) || state.stoppedByUser) return;
    const target = this.#apps.target(identity.app);
    if (target === undefined || this.#apps.locks.verb(identity.app) !== undefined) return;
    const policy = hostConfig.RestartPolicy?.Name ?? '';
    if (state.exitCode === 0 && policy !== 'always' && policy !== 'unless-stopped') return;
    this.#count(target, container, state.finishedAt, `it ended with exit code ${state.exitCode}`);
  }

  /** Gives whether that was once too often. */
  #countFailing(target: AppTarget, container: Container): boolean {
    const { startedAt, health } = container.state;
    const output = health?.log.at(-1)?.Output.trim() ?? '';
    const reason = `its probe fails${output === '' ? '' : `: ${output}`}`;
    return this.#count(target, container, `failing ${startedAt}`, reason);
  }

  #count(target: AppTarget, container: Container, seen: string, reason: string): boolean {
    const { identity, state } = container;
    if (identity === undefined) return false;
    const { app, service, replica } = identity;
    const slot = slotOf(service, replica);
    const before = this.#apps.failures.of(app)[slot];
    if (before?.seen === seen || before?.open !== undefined) return before.open !== undefined;
    const at = this.#parts.clock.now();
    const end = seen === state.finishedAt ? Date.parse(state.finishedAt) : at;
    const ranFor = end - Date.parse(state.startedAt);
    const rule = ruleOf(target.model.services[service]);
    const failures = afterFailure(rule, before, { seen, at, ranFor });
    this.#apps.failures.note(app, slot, failures);
    if (!isCrashLoop(rule, failures)) return false;
    this.#open(app, container, { ...failures, open: { reason, log: [] } });
    return true;
  }

  /** What can not even be made is tried again later, and no more often than what fails later. */
  #countFailedRemedy(target: AppTarget, remedy: Remedy, error: unknown): void {
    const { app } = target;
    const { service, replica } = placeOf(remedy);
    const slot = slotOf(service, replica);
    const at = this.#parts.clock.now();
    const rule = ruleOf(target.model.services[service]);
    const seen = `remedy ${at}`;
    const before = this.#apps.failures.of(app)[slot];
    // The failure of what was to be replaced has been counted already; the next try counts anew.
    const isCounted = remedy.kind === 'restart' && before !== undefined;
    const failures = isCounted
      ? { ...before, last: at, seen }
      : afterFailure(rule, before, { seen, at, ranFor: 0 });
    this.#parts.report(`${service} ${replica} of the app ${app} could not be brought back`, error);
    const open = { reason: messageOf(error), log: [] };
    this.#apps.failures.note(app, slot, isCrashLoop(rule, failures) ? { ...failures, open } : failures);
    this.#looks.set(app, true);
  }

  #leaveUnwell(app: string): void {
    for (const container of replicasOfApp(this.#parts, app)) {
      const { state, identity } = container;
      const isUnwell = state.status === 'created' || (state.status === 'exited' && state.exitCode !== 0);
      if (identity === undefined || !(isUnwell || isFailing(container))) continue;
      const open = { reason: 'it was not well when the app was brought up', log: [] };
      const failures = { count: 1, last: this.#parts.clock.now(), seen: state.finishedAt, open };
      this.#apps.failures.note(app, slotOf(identity.service, identity.replica), failures);
    }
  }

  /** The breaker: nothing is tried any more, and what is known stays to be read. */
  #open(app: string, container: Container, failures: Failures & { open: { reason: string } }): void {
    const slot = slotOf(container.identity?.service ?? '', container.identity?.replica ?? 0);
    const { reason } = failures.open;
    this.#apps.failures.note(app, slot, { ...failures, open: { reason, log: [] } });
    this.#giveUp(app, slot, container, failures).catch((error: unknown) =>
      this.#parts.report(`the app ${app} has a crash loop that could not be ended`, error),
    );
  }

  async #giveUp(
    app: string,
    slot: string,
    container: Container,
    failures: Failures & { open: { reason: string } },
  ): Promise<void> {
    const { containers, events } = this.#parts;
    const { reason } = failures.open;
    const log: string[] = [];
    const query = { stdout: true, stderr: true, tail: keptLines };
    for await (const entry of containers.logs(container.id, query)) log.push(entry.data.toString().trimEnd());
    this.#apps.failures.note(app, slot, { ...failures, open: { reason, log } });
    events.emit('app', 'crash-loop', app, {
      replica: slot,
      container: container.name,
      failures: String(failures.count),
      reason,
      log: log.join('\n'),
    });
    // What fails but runs goes on: it may still be of some use. Only the restart policy must come to an end.
    if (containers.find(container.id)?.state.status === 'restarting') await containers.stop(container.id);
  }
}
