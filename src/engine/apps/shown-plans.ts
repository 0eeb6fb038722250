import { conflict } from '#base/errors.ts';
import { basisChanges, planId, type PlanBasis } from '#domain/app/plan-basis.ts';

const mostShown = 20;

/** Plans that were shown, so that one can be carried out as it was shown, or refused by what has changed since. */
export class ShownPlans {
  readonly #bases = new Map<string, PlanBasis>();

  /** Gives the plan's id. */
  show(basis: PlanBasis): string {
    const id = planId(basis);
    this.#bases.delete(id);
    this.#bases.set(id, basis);
    const [oldest] = this.#bases.keys();
    if (this.#bases.size > mostShown && oldest !== undefined) this.#bases.delete(oldest);
    return id;
  }

  /** @throws conflict `app-plan-outdated` naming what is different now */
  check(id: string, basis: PlanBasis): void {
    if (planId(basis) === id) return;
    const shown = this.#bases.get(id);
    const { app } = basis.target;
    throw conflict(
      'app-plan-outdated',
      `the plan '${id}' is not what would be done to the app ${app} now: ${whyNot(shown, basis)}`,
      { hint: 'berth plan shows what would be done now' },
    );
  }
}

function whyNot(shown: PlanBasis | undefined, basis: PlanBasis): string {
  if (shown === undefined)
    return 'no plan with this id was shown since the daemon started, or many others were';
  if (shown.target.app !== basis.target.app) return `it is one of the app ${shown.target.app}`;
  return basisChanges(shown, basis).join('; ');
}
