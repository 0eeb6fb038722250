import { conflict } from '#base/errors.ts';
import type { AppModel } from '#domain/app/model.ts';
import { withModel } from '#domain/app/pinned.ts';
import { canonical } from '#domain/app/canonical.ts';
import type { SecretReference } from '#domain/secret/secret.ts';
import type { SecretUse } from '#engine/contracts/secrets.ts';
import type { AppLocks } from './app-locks.ts';
import type { Emit } from './change.ts';
import type { ReadValue } from './config-lines.ts';
import type { Convergence } from './converging.ts';
import { Granting, type GivenValues } from './granting.ts';
import type { AppParts, AppRecord } from './parts.ts';
import type { Requester } from './requests.ts';
import type { Revisions } from './revisions.ts';

/** Gives a model its versions. */
export type Grant = (model: AppModel, given: GivenValues) => Promise<AppModel>;

/** An app for which there is a newer version of what it has from the store. */
export interface OutdatedApp {
  app: string;
  /** Keys of its secrets and configs. */
  secrets: string[];
  /** Its compose file asks for a restart of its own accord (`x-berth.secrets`). */
  restarts: boolean;
}

/** Seconds that a service may take to become healthy. */
const patience = 300;
const verb = 'secret set';

interface KnownApps {
  readonly locks: AppLocks;
  names(): string[];
  record(app: string): AppRecord | undefined;
}

/** What apps have to do with secrets: which versions they need, and how they get newer ones. */
export class AppSecrets {
  readonly #parts: AppParts;
  readonly #apps: KnownApps;
  readonly #convergence: Pick<Convergence, 'run'>;
  readonly #revisions: Pick<Revisions, 'list'>;
  readonly #granting: Granting;
  /** Apps that are to get newer versions by their own rule. */
  readonly #due = new Set<string>();
  /** Of models in the making, which no record names yet. */
  readonly #held = new Set<SecretReference>();

  constructor(
    parts: AppParts,
    apps: KnownApps,
    convergence: Pick<Convergence, 'run'>,
    revisions: Pick<Revisions, 'list'>,
  ) {
    this.#parts = parts;
    this.#apps = apps;
    this.#convergence = convergence;
    this.#revisions = revisions;
    this.#granting = new Granting(parts);
    parts.secrets.usedBy(() => this.#uses());
    apps.locks.onFree(({ app, byPerson }) => {
      void this.#refreshDue(app, 'berth');
      if (byPerson) this.#collect();
    });
  }

  /** Gives the versions that `keeping` would give, and their values, of which nothing is kept. */
  foreseeing(): { grant: Grant; value: ReadValue } {
    const values = new Map<string, Uint8Array>();
    const nameOf = ({ key, version }: SecretReference): string => `${key} ${version}`;
    return {
      grant: (model, given) =>
        this.#granting.foresee(model, given, (reference, value) => values.set(nameOf(reference), value)),
      value: async (reference) =>
        values.get(nameOf(reference)) ?? (await this.#parts.secrets.value(reference)),
    };
  }

  /** Does `work`, in which new values are kept; those that nothing refers to at its end go. */
  async keeping<T>(by: string, work: (grant: Grant) => Promise<T>): Promise<T> {
    const held: SecretReference[] = [];
    try {
      return await work((model, given) =>
        this.#granting.keep(model, given, by, (reference) => {
          held.push(reference);
          this.#held.add(reference);
        }),
      );
    } finally {
      for (const reference of held) this.#held.delete(reference);
      this.#collect();
    }
  }

  /** The apps for which there are newer versions now. */
  outdated(): OutdatedApp[] {
    return this.#apps.names().flatMap((app): OutdatedApp[] => {
      const model = this.#apps.record(app)?.target?.model;
      const secrets = model === undefined ? [] : this.#outdated(model);
      if (model === undefined || secrets.length === 0) return [];
      return [{ app, secrets, restarts: secrets.some((key) => model.secretRules?.[key]?.restart === true) }];
    });
  }

  /**
   * Gives an app the newest versions of what it has from the store, by the rules of an update.
   * @throws conflict `app-not-up`, `app-canary`; as `Apps.converge`
   */
  refresh(app: string, requester: Requester, emit: Emit, signal: AbortSignal): Promise<void> {
    return this.#apps.locks.run(app, verb, () => this.#refresh(app, requester, emit, signal));
  }

  /** The caller holds the app's lock. */
  async #refresh(app: string, { by, timeout }: Requester, emit: Emit, signal: AbortSignal): Promise<void> {
    const { target, canary, folder = '', files = [], stopped = [] } = this.#apps.record(app) ?? {};
    if (target === undefined)
      throw conflict('app-not-up', `the app ${app} was never up`, { hint: 'run berth up first' });
    if (canary !== undefined)
      throw conflict('app-canary', `a next revision of the app ${app} is being tried`, {
        hint: 'berth promote or berth abort ends that; then berth up gives it the newer secrets',
      });
    const next = withModel(target, this.#granting.refreshed(target.model));
    const rest = { folder, files, sources: '', rebuild: false, stopped };
    await this.#convergence.run(next, { reason: verb, by, timeout, ...rest }, emit, signal);
  }

  /** Begins to give newer versions to the apps whose compose file asks for it; a person's command goes first. */
  refreshByRule(by: string): void {
    for (const { app, restarts } of this.outdated()) {
      if (!restarts) continue;
      this.#due.add(app);
      void this.#refreshDue(app, by);
    }
  }

  async #refreshDue(app: string, by: string): Promise<void> {
    if (!this.#due.has(app)) return;
    // Who changes the app now wakes this again at the end.
    await this.#apps.locks.tryRun(app, verb, async (signal) => {
      this.#due.delete(app);
      try {
        await this.#refresh(app, { by, timeout: patience }, () => undefined, signal);
      } catch (error) {
        // A person's command came first.
        if (signal.aborted) this.#due.add(app);
        else this.#parts.report(`the app ${app} has not got its newer secrets`, error);
      }
    });
    this.#collect();
  }

  /** Secrets can be opened again: what could not start without them is tried again at once. */
  async unlocked(): Promise<void> {
    for (const app of this.#apps.names()) {
      const model = this.#apps.record(app)?.target?.model;
      if (model !== undefined) await this.#parts.ingress.assign(model);
      // What a person does with it goes on, and healing looks at it then.
      if (this.#apps.locks.verb(app) === undefined)
        await this.#apps.locks.run(app, 'secret unlock', () => Promise.resolve());
    }
  }

  /** What is left over now goes the next time. */
  #collect(): void {
    try {
      this.#parts.secrets.collect();
    } catch (error) {
      this.#parts.report('values that nothing needs any more could not be removed', error);
    }
  }

  #outdated(model: AppModel): string[] {
    const next = this.#granting.refreshed(model);
    return (['secrets', 'configs'] as const).flatMap((noun) =>
      Object.keys(model[noun]).filter(
        (key) => canonical(model[noun][key]?.stored) !== canonical(next[noun][key]?.stored),
      ),
    );
  }

  #uses(): SecretUse[] {
    const used = (holder: string, model: AppModel | undefined): SecretUse[] =>
      [...Object.values(model?.secrets ?? {}), ...Object.values(model?.configs ?? {})].flatMap(
        ({ stored }) => (stored === undefined ? [] : [{ reference: stored, holder }]),
      );
    return [
      ...[...this.#held].map((reference) => ({ reference, holder: 'an app that comes up now' })),
      ...this.#apps.names().flatMap((app) => {
        const { target, canary } = this.#apps.record(app) ?? {};
        const revisions = this.#revisions.list(app);
        return [
          ...used(`the app ${app}`, target?.model),
          ...used(`the canary of the app ${app}`, canary?.target.model),
          ...revisions.flatMap(({ number, target: { model } }) =>
            used(`revision ${number} of the app ${app}`, model),
          ),
        ];
      }),
      ...this.#parts.containers
        .list()
        .flatMap(({ name, granted = [] }) =>
          granted.map(({ from }) => ({ reference: from, holder: `the container ${name}` })),
        ),
    ];
  }
}
