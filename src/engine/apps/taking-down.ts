import { planDown } from '#domain/app/plan-down.ts';
import type { Emit } from './change.ts';
import { executors } from './executors.ts';
import { observe } from './observe.ts';
import type { AppParts } from './parts.ts';
import type { AppRecords } from './records.ts';
import type { DownRequest } from './requests.ts';
import type { Revisions } from './revisions.ts';
import { execute, plainRun } from './run.ts';

/** Takes an app away with all that is known of it. The caller holds the app's lock. */
export async function takeDown(
  { parts, records, revisions }: { parts: AppParts; records: AppRecords; revisions: Revisions },
  app: string,
  request: DownRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const record = records.get(app);
  records.leave(app, request, parts.clock.timestamp());
  const steps = planDown(app, observe(parts, app, record, undefined, new Set()), request);
  const { revision = 0 } = record ?? {};
  emit({ type: 'plan', app, revision, steps });
  const run = plainRun({ parts, app, emit, signal }, record);
  await execute(steps, executors, { ...run, target: undefined, stopTimeout: request.timeout });
  await parts.ingress.remove(app);
  await parts.policies.restore(app, []);
  parts.store.transaction(() => {
    records.forget(app);
    revisions.forget(app);
  });
  parts.events.emit('app', 'down', app);
  emit({ type: 'result', app, revision, changed: steps.length > 0, services: [] });
}
