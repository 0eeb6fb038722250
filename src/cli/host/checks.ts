export interface Check {
  /** Stable, for scripts. */
  id: string;
  result: 'pass' | 'warn' | 'fail';
  /** What was found. */
  reason: string;
  /** What to do, exactly; absent for a pass. */
  fix?: string;
}

type Outcome = Omit<Check, 'id'>;

export const pass = (reason: string): Outcome => ({ result: 'pass', reason });
export const warn = (reason: string, fix: string): Outcome => ({ result: 'warn', reason, fix });
export const fail = (reason: string, fix: string): Outcome => ({ result: 'fail', reason, fix });

/** A check that looks at one thing and never throws away what it saw. */
export type Examine = () => Promise<Outcome>;

/** Runs the checks; one that cannot be made is itself a finding. */
export async function examine(checks: Readonly<Record<string, Examine>>): Promise<Check[]> {
  return Promise.all(
    Object.entries(checks).map(async ([id, look]) => {
      try {
        return { id, ...(await look()) };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return { id, ...warn(`could not be checked: ${reason}`, 'run berth doctor as root') };
      }
    }),
  );
}
