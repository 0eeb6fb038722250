import { ServiceRollout } from '#domain/app/service-rollout.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type { Container } from '#domain/container/container.ts';
import { Undo } from '#engine/containers/undo.ts';
import { executors } from './executors.ts';
import { observe } from './observe.ts';
import type { AppParts, AppRecord } from './parts.ts';
import { execute, plainRun, type Run } from './run.ts';

/** Seconds that the successor may take to be ready; then the failing one is left as it is until the next try. */
const patience = 60;
const settle = 1;

/**
 * Makes a successor beside a failing container, lets the requests go to it once it is ready, and ends the former.
 * Gives false, with nothing done, where two of them cannot be there at once.
 * @throws conflict `app-unwell` when the successor fails too; then it is removed again
 */
export async function renew(
  parts: AppParts,
  target: AppTarget,
  record: AppRecord | undefined,
  container: Container,
  signal: AbortSignal,
): Promise<boolean> {
  const observed = observe(parts, target.app, record, target, new Set());
  const former = observed.containers.find((one) => one.id === container.id);
  const service = target.services.find((one) => one.name === former?.service);
  const replica = service?.replicas.find((one) => one.replica === former?.replica);
  if (former === undefined || service === undefined || replica === undefined) return false;
  if (service.update.order === 'stop-first' || former.anonymousVolumes.length > 0) return false;
  const slot = { replica: replica.replica, name: replica.name, formers: [former], reason: 'its probe fails' };
  const names = new Set(observed.containers.map((one) => one.name));
  const { steps, removals, renames } = new ServiceRollout(
    { target: service, slots: [slot], surplus: [] },
    { settle: service.update.settle ?? settle, names },
  );
  await removeHeld(parts, former, target.app);
  const undo = new Undo(parts.report);
  try {
    const run = plainRun({ parts, app: target.app, emit: () => undefined, signal }, record, target);
    const takingBack: Run = {
      ...run,
      former: target,
      timeout: patience,
      onFailure: (_, back) => undo.add(back),
    };
    await execute([...steps, ...removals, ...renames], executors, takingBack);
  } catch (error) {
    await undo.run();
    throw error;
  }
  return true;
}

/** A successor that a crash kept from being let in. */
async function removeHeld(
  { containers }: AppParts,
  { service, replica }: { service: string; replica: number },
  app: string,
): Promise<void> {
  for (const { id, identity, traffic } of containers.list())
    if (
      traffic === 'held' &&
      identity?.app === app &&
      identity.service === service &&
      identity.replica === replica
    )
      await containers.remove(id, { force: true });
}
