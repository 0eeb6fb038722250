import type { Step } from '#domain/app/step.ts';
import type { ServiceReach } from '#domain/app/reach.ts';
import type { Port } from '#domain/app/model.ts';
import type { WantedPort } from '#domain/container/port-bindings.ts';
import type { ServiceSettings } from '#engine/contracts/services.ts';
import { containersOf } from './observe.ts';
import { serviceOf, type Run } from './run.ts';

/** Gives a service its virtual addresses, names and host ports. */
export async function placeService(step: Step<'place-service'>, run: Run): Promise<void> {
  const { places } = run.parts;
  const { reach } = serviceOf(run, step.service);
  if (reach === undefined) return;
  const former = places.find(run.app, step.service)?.settings;
  await unpublishOwn(step.service, run);
  await places.declare(run.app, step.service, settingsOf(reach, run));
  run.onFailure(step, async () => {
    if (former === undefined) await places.withdraw(run.app, step.service);
    else await places.declare(run.app, step.service, former);
  });
}

export async function withdrawService(step: Step<'withdraw-service'>, run: Run): Promise<void> {
  const { places } = run.parts;
  const former = places.find(run.app, step.service)?.settings;
  await places.withdraw(run.app, step.service);
  if (former !== undefined)
    run.onFailure(step, async () => {
      await places.declare(run.app, step.service, former);
    });
}

/** Containers of before services had ports hold them themselves: they are to be the service's from now on. */
async function unpublishOwn(service: string, run: Run): Promise<void> {
  const own = containersOf(run.parts, run.app).filter((one) => one.identity?.service === service);
  for (const container of own) await run.parts.networks.unpublish(container);
}

function settingsOf(reach: ServiceReach & { hash: string }, run: Run): ServiceSettings {
  const { networks, ports, ...rest } = reach;
  return {
    ...rest,
    networks: networks.map(({ name, aliases }) => ({ id: run.parts.networks.get(name).id, aliases })),
    ports: ports.map(wantedPort),
  };
}

function wantedPort({ target, protocol, hostIp, published }: Port): WantedPort {
  const [first = '', last = first] = published.split('-');
  return { container: `${target}/${protocol}`, hostIp, first: Number(first), last: Number(last) };
}
