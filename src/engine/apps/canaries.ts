import { conflict } from '#base/errors.ts';
import type { Apps } from './apps.ts';
import type { Emit } from './change.ts';
import type { Convergence } from './converging.ts';
import type { Canary } from './parts.ts';
import type { AppRecords } from './records.ts';
import type { Requester } from './requests.ts';

/** Ends what `up` with a canary began. */
export class Canaries {
  readonly #records: AppRecords;
  readonly #convergence: Convergence;
  readonly #locks: Apps['locks'];

  constructor(records: AppRecords, convergence: Convergence, { locks }: Pick<Apps, 'locks'>) {
    this.#records = records;
    this.#convergence = convergence;
    this.#locks = locks;
  }

  /** What was tried holds for all replicas. @throws conflict `app-no-canary`; as `converge` of the apps */
  promote(app: string, by: Requester, emit: Emit, signal: AbortSignal): Promise<void> {
    return this.#locks.run(app, 'promote', () => {
      const { target, folder, files, sources } = this.#tried(app);
      const change = { reason: 'promote', ...by, folder, files, sources, rebuild: false };
      return this.#convergence.run(target, change, emit, signal);
    });
  }

  /** What was tried goes. @throws as `promote` */
  abort(app: string, by: Requester, emit: Emit, signal: AbortSignal): Promise<void> {
    return this.#locks.run(app, 'abort', () => {
      this.#tried(app);
      const { target, folder, files } = this.#records.thatWasUp(app);
      const back = { sources: '', rebuild: false, isBack: true } as const;
      return this.#convergence.run(target, { reason: 'abort', ...by, folder, files, ...back }, emit, signal);
    });
  }

  #tried(app: string): Canary {
    const { canary } = this.#records.thatWasUp(app);
    if (canary !== undefined) return canary;
    throw conflict('app-no-canary', `nothing of a next revision of the app ${app} is being tried`, {
      hint: 'berth up --canary 20% tries one',
    });
  }
}
