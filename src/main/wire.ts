import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { absentRoutes } from '#api/docker/absent.ts';
import { buildRoutes } from '#api/docker/build.ts';
import { platformBuildRoutes } from '#api/platform/builds.ts';
import { buildkitRoutes } from '#api/buildkit/routes.ts';
import { containerRoutes } from '#api/docker/containers.ts';
import { diskUsageRoutes } from '#api/docker/disk-usage.ts';
import { eventRoutes } from '#api/docker/events.ts';
import type { Doors } from '#api/doors.ts';
import type { Hijack } from '#api/docker/hijack.ts';
import { imageRoutes } from '#api/docker/images.ts';
import { networkRoutes } from '#api/docker/networks.ts';
import { systemRoutes } from '#api/docker/system.ts';
import { volumeRoutes } from '#api/docker/volumes.ts';
import { RegistryListeners } from '#adapters/supervisor/registry-listeners.ts';
import { callerOf } from '#adapters/supervisor/callers.ts';
import { guardScopes, type AccessLookup } from '#api/access.ts';
import { appReplicaRoutes } from '#api/platform/app-replicas.ts';
import { appHistoryRoutes } from '#api/platform/app-history.ts';
import { appWatchRoutes } from '#api/platform/app-watch.ts';
import { appRoutes } from '#api/platform/apps.ts';
import { adviceRoutes } from '#api/platform/advice.ts';
import { autoscaleRoutes } from '#api/platform/autoscale.ts';
import { baseRoutes } from '#api/platform/bases.ts';
import { diskRoutes } from '#api/platform/disk.ts';
import { composeRoutes } from '#api/platform/compose.ts';
import { ingressRoutes } from '#api/platform/ingress.ts';
import { policyRoutes } from '#api/platform/policies.ts';
import { runRoutes } from '#api/platform/runs.ts';
import { scheduleRoutes } from '#api/platform/schedules.ts';
import { secretRoutes } from '#api/platform/secrets.ts';
import { registryRoutes } from '#api/platform/registry.ts';
import { socketRoutes } from '#api/platform/sockets.ts';
import type { AccessLine } from '#api/registry/access-log.ts';
import { createRegistryServer } from '#api/registry/server.ts';
import { instanceOf } from '#domain/instance.ts';
import type { Settings } from '#domain/settings/settings.ts';
import { closeAdapters, openAdapters } from '#main/adapters.ts';
import { openRemapping } from '#main/remapping.ts';
import { startEngine, type Engine } from '#main/engine.ts';
import { openSolving } from '#main/solving.ts';

export interface Wired {
  routes: (app: FastifyInstance, hijack: Hijack, doors: Doors) => void;
  sockets: Engine['sockets'];
  /** Listens for the built-in registry's clients, when it is switched on. */
  serveRegistry(): Promise<void>;
  /** Lets go of everything; containers go on. */
  close(): Promise<void>;
}

/** Constructs adapters and engine, starts them, and gives the routes. */
export async function wire(settings: Settings, log: Logger): Promise<Wired> {
  const remapped = await openRemapping(settings);
  const own = instanceOf(settings.root, settings.run);
  const instance = remapped === undefined ? own : { ...own, root: remapped.root };
  const adapters = await openAdapters(instance, settings, log, remapped);
  const engine = await startEngine(instance, settings, adapters, log);
  return {
    routes: (app, hijack, doors) => {
      guardScopes(app, (request) => doors.scopeOf(request.raw), lookupIn(engine));
      const parts = { ...engine, now: () => adapters.clock.now() };
      const solving = openSolving(adapters, engine);
      systemRoutes(app, engine);
      absentRoutes(app);
      eventRoutes(app, engine);
      volumeRoutes(app, engine);
      diskUsageRoutes(app, parts);
      imageRoutes(app, parts);
      networkRoutes(app, parts);
      containerRoutes(app, hijack, parts);
      buildRoutes(app, { ...parts, ...solving });
      buildkitRoutes(hijack, { ...parts, ...solving });
      platformBuildRoutes(app, { ...engine, ...solving });
      appRoutes(app, { ...engine, callerOf });
      appHistoryRoutes(app, { ...engine, callerOf });
      scheduleRoutes(app, engine);
      runRoutes(app, engine);
      appReplicaRoutes(app, { ...engine, callerOf });
      appWatchRoutes(app, { ...engine, callerOf });
      composeRoutes(app, engine);
      ingressRoutes(app, engine);
      autoscaleRoutes(app, engine);
      adviceRoutes(app, engine);
      policyRoutes(app, engine);
      baseRoutes(app, { ...engine, callerOf, refreshSettings: settings.bases });
      secretRoutes(app, { ...engine, callerOf });
      socketRoutes(app, engine);
      registryRoutes(app, engine);
      diskRoutes(app, engine);
    },
    sockets: engine.sockets,
    serveRegistry: () => serveRegistry(engine, settings, log),
    close: async () => {
      await engine.diskCollector.close();
      await engine.registry.close();
      await engine.closeBases();
      engine.apps.close();
      engine.autoscaler.close();
      engine.sampler.close();
      engine.ingress.close();
      engine.certificates.close();
      engine.services.close();
      engine.policies.close();
      await engine.containers.close();
      await closeAdapters(adapters);
      remapped?.namespace.close();
    },
  };
}

/** A registry that cannot be served yet keeps nobody from the rest. */
async function serveRegistry({ registry, report }: Engine, settings: Settings, log: Logger): Promise<void> {
  const tell = settings.registryAccessLog;
  const parts = { registry, report, tell, log: (line: AccessLine) => log.info(line, 'registry') };
  const opener = new RegistryListeners((tls) => createRegistryServer(parts, tls));
  await registry.serving.serve(opener);
}

function lookupIn({ containers }: Engine): AccessLookup {
  return {
    container: (ref) => {
      const { id, config } = containers.get(ref);
      return { id, labels: config.Labels ?? {} };
    },
    containerOfExec: (id) => containers.getExec(id).containerId,
  };
}
