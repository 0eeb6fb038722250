import { conflict, isKind } from '#base/errors.ts';
import type { HostConfig } from '#domain/container/config.ts';
import type { StopOptions } from '#engine/contracts.ts';
import type { Step } from '#domain/app/step.ts';
import { shortId } from '#base/ids.ts';
import { containerRequest } from './container-request.ts';
import { buildImage, pullImage } from './image-executors.ts';
import { runPostStart, runPreStop } from './hooks.ts';
import { anonymousVolumes, composeLabels } from './observe.ts';
import { placeService, withdrawService } from './reach-executors.ts';
import { serviceOf, type Executors, type Run } from './run.ts';
import { shiftTraffic, waitDrained } from './traffic.ts';
import {
  waitCompleted,
  waitHealthy,
  waitMonitored,
  waitReady,
  waitStarted,
  waitUntilReady,
} from './waits.ts';

/** One executor for each kind of step. Each may be run again after a crash in the middle of it. */
export const executors: Executors = {
  'pull-image': pullImage,
  'build-image': buildImage,
  'create-network': createNetwork,
  'create-volume': createVolume,
  'place-service': placeService,
  'withdraw-service': withdrawService,
  'create-container': createContainer,
  'replace-container': replaceContainer,
  'rename-container': async (step, run) => {
    await run.parts.containers.rename(step.from, step.name);
  },
  'start-container': startContainer,
  'restart-container': async (step, run) => {
    await runPreStop(run, step.service, step.name);
    await run.parts.containers.restart(step.name, stopOptions(run));
    await runPostStart(run, step.service, step.name);
  },
  'shift-traffic': shiftTraffic,
  'stop-container': stopContainer,
  'remove-container': async ({ container }, run) => {
    const gone = goneBySomeoneElse(container, run);
    await ignoring('not-found', gone ?? run.parts.containers.remove(container, { force: true }));
  },
  'wait-healthy': waitHealthy,
  'wait-started': waitStarted,
  'wait-completed': waitCompleted,
  'wait-ready': waitReady,
  'wait-drained': waitDrained,
  'wait-monitored': waitMonitored,
  'wait-delay': (step, run) => run.parts.clock.sleep(step.seconds * 1000, run.signal),
  'remove-network': async (step, run) => {
    await ignoring('not-found', run.parts.networks.remove(step.name));
  },
  'remove-volume': async (step, run) => {
    await ignoring('not-found', run.parts.volumes.remove(step.name, false));
  },
};

async function createNetwork(step: Step<'create-network'>, run: Run): Promise<void> {
  const wanted = run.target?.networks.find((one) => one.key === step.network);
  if (wanted === undefined) return;
  await run.parts.networks.create({
    name: wanted.name,
    app: run.app,
    internal: wanted.internal,
    attachable: wanted.attachable,
    ipv6: wanted.ipv6,
    options: wanted.driverOpts,
    pools: wanted.pools,
    labels: { ...wanted.labels, ...labelsOf(run, wanted.hash), [composeLabels.network]: wanted.key },
    ...(wanted.driver === undefined ? {} : { driver: wanted.driver }),
  });
  run.onFailure(step, () => run.parts.networks.remove(wanted.name));
}

async function createVolume(step: Step<'create-volume'>, run: Run): Promise<void> {
  const wanted = run.target?.volumes.find((one) => one.key === step.volume);
  if (wanted === undefined) return;
  await run.parts.volumes.create({
    name: wanted.name,
    app: run.app,
    options: wanted.driverOpts,
    labels: { ...wanted.labels, ...labelsOf(run, wanted.hash), [composeLabels.volume]: wanted.key },
    ...(wanted.driver === undefined ? {} : { driver: wanted.driver }),
  });
  run.onFailure(step, () => run.parts.volumes.remove(wanted.name, false));
}

function labelsOf(run: Run, hash: string): Record<string, string> {
  return { [composeLabels.project]: run.app, [composeLabels.hash]: hash };
}

async function createContainer(step: Step<'create-container'>, run: Run): Promise<void> {
  // Others answer meanwhile: when it fails, they go on to.
  if (step.held === true) run.displaced += 1;
  const id = await makeContainer(step, run, []);
  run.onFailure(step, () => removeMade(id, run, true));
}

/** Gives the id; '' for a replica that is not wanted. */
async function makeContainer(
  step: { service: string; replica: number; name: string; held?: boolean },
  run: Run,
  inherited: readonly { name: string; destination: string }[],
): Promise<string> {
  const service = serviceOf(run, step.service);
  const replica = service.replicas.find((one) => one.replica === step.replica);
  if (replica === undefined) return '';
  const request = containerRequest(run.parts.images, run, service, replica);
  const { id } = await run.parts.containers.create({
    ...request,
    name: step.name,
    hostConfig: withInherited(request.hostConfig, inherited),
    ...(step.held === true ? { traffic: 'held' as const } : {}),
  });
  return id;
}

async function removeMade(id: string, run: Run, volumes: boolean): Promise<void> {
  if (id !== '') await ignoring('not-found', run.parts.containers.remove(id, { force: true, volumes }));
}

/** Data in volumes that nobody named go over to the next container, as Docker Compose does. */
function withInherited(
  host: HostConfig,
  inherited: readonly { name: string; destination: string }[],
): HostConfig {
  const taken = new Set([
    ...(host.Binds ?? []).map((bind) => bind.split(':')[1]),
    ...(host.Mounts ?? []).map((mount) => mount.Target),
  ]);
  const binds = inherited
    .filter((one) => !taken.has(one.destination))
    .map((one) => `${one.name}:${one.destination}`);
  return binds.length === 0 ? host : { ...host, Binds: [...(host.Binds ?? []), ...binds] };
}

async function replaceContainer(step: Step<'replace-container'>, run: Run): Promise<void> {
  const { containers } = run.parts;
  const former = containers.get(step.container);
  const wasUp = former.state.status === 'running' || former.state.status === 'restarting';
  const inherited = anonymousVolumes(run.parts, former);
  let made = '';
  run.displaced += 1;
  run.onFailure(step, async () => {
    await removeMade(made, run, inherited.length === 0);
    const now = containers.find(former.id);
    if (now === undefined) return;
    if (now.name !== former.name) await containers.rename(now.id, former.name);
    if (wasUp) await startAgain(now.id, step.service, run);
    containers.setTraffic(now.id, former.traffic);
  });
  if (wasUp) await runPreStop(run, step.service, former.id);
  await ignoring('unchanged', containers.stop(former.id, stopOptions(run)));
  const aside = `${shortId(former.id)}_${step.name}`;
  if (former.name === step.name) await containers.rename(former.id, aside);
  made = await makeContainer(step, run, inherited);
}

async function startContainer(step: Step<'start-container'>, run: Run): Promise<void> {
  const { containers } = run.parts;
  const container = containers.find(step.name);
  if (container === undefined)
    throw conflict(
      'app-container-gone',
      `the container '${step.name}' was removed by someone else meanwhile`,
      {
        hint: 'run berth up again',
      },
    );
  await ignoring('unchanged', containers.start(container.id));
  await runPostStart(run, step.service, container.id);
}

async function stopContainer(step: Step<'stop-container'>, run: Run): Promise<void> {
  const { containers } = run.parts;
  const container = containers.find(step.container);
  if (container === undefined) return;
  run.displaced += 1;
  run.onFailure(step, () => startAgain(container.id, step.service, run));
  if (container.state.status === 'running') await runPreStop(run, step.service, container.id);
  await ignoring('unchanged', containers.stop(container.id, stopOptions(run)));
}

/** Puts a former container back: it answers before the one that failed is taken away. */
async function startAgain(id: string, service: string, run: Run): Promise<void> {
  await ignoring('unchanged', run.parts.containers.start(id));
  // Also when the person does not want to wait any more.
  const calm = { ...run, signal: new AbortController().signal, emit: () => undefined };
  await waitUntilReady({ service, ids: [id] }, calm);
}

/** What a change stops is no person's stop: a crash in the middle must not leave it stopped. */
function stopOptions(run: Run): StopOptions {
  const { stopTimeout: timeout } = run;
  return timeout === undefined ? { forChange: true } : { timeout, forChange: true };
}

/** One that is being removed already, such as what ran once: resolves when that is done. */
function goneBySomeoneElse(id: string, { parts, signal }: Run): Promise<void> | undefined {
  if (parts.containers.find(id)?.state.status !== 'removing') return undefined;
  return parts.containers.wait(id, 'removed', signal).then(() => undefined);
}

async function ignoring(kind: 'unchanged' | 'not-found', work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isKind(error, kind)) throw error;
  }
}
