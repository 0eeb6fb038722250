import type { Step } from '#domain/app/step.ts';
import { drained } from './draining.ts';
import type { Run } from './run.ts';

/** All at once: whoever follows the service sees the list before or the list after, and none between. */
export async function shiftTraffic(step: Step<'shift-traffic'>, run: Run): Promise<void> {
  const { containers, services } = run.parts;
  const to = step.to.flatMap((name) => containers.find(name) ?? []);
  const from = step.from.flatMap((id) => containers.find(id) ?? []);
  run.onFailure(step, async () => {
    for (const one of from) if (containers.find(one.id)) containers.setTraffic(one.id, one.traffic);
    for (const one of to) if (containers.find(one.id)) containers.setTraffic(one.id, 'held');
    await services.settled(run.app, step.service);
    await drained(
      run,
      to.map((one) => one.id),
      1,
    );
  });
  for (const { id } of to) containers.setTraffic(id, undefined);
  for (const { id } of from) containers.setTraffic(id, 'draining');
  await services.settled(run.app, step.service);
}

export async function waitDrained({ containers, atMost }: Step<'wait-drained'>, run: Run): Promise<void> {
  await drained(run, containers, atMost);
}
