import { randomInt } from 'node:crypto';
import type { Logger } from 'pino';
import { findInitProgram } from '#adapters/host/init-program.ts';
import type { Instance } from '#domain/instance.ts';
import type { RegistrySettings, Settings } from '#domain/settings/settings.ts';
import { Apps } from '#engine/apps/apps.ts';
import { Bases } from '#engine/bases/bases.ts';
import { Containers } from '#engine/containers/containers.ts';
import { Events } from '#engine/events/events.ts';
import { Images } from '#engine/images/images.ts';
import type { TransferRules } from '#engine/images/transfer-rules.ts';
import { Networks } from '#engine/networks/networks.ts';
import { OwnRegistry } from '#engine/registry/own-registry.ts';
import { Secrets } from '#engine/secrets/secrets.ts';
import { Policies } from '#engine/policies/policies.ts';
import { Services } from '#engine/services/services.ts';
import { Sockets } from '#engine/sockets/sockets.ts';
import { System } from '#engine/system/system.ts';
import { Volumes } from '#engine/volumes/volumes.ts';
import type { Adapters } from '#main/adapters.ts';
import { openBases } from '#main/bases.ts';
import { openBuilds } from '#main/builds.ts';
import { startDisk } from '#main/disk.ts';
import { startMeasuring } from '#main/measuring.ts';
import { openIngress } from '#main/ingress.ts';
import { openRegistry } from '#main/registry.ts';
import { release } from '#main/release.ts';

export type Engine = Awaited<ReturnType<typeof startEngine>>;

function transferRules(set: RegistrySettings): TransferRules {
  return {
    downloads: set.downloads,
    uploads: set.uploads,
    keepPartial: set.keepPartial * 3_600_000,
    compression: { kind: set.compression, level: set.compressionLevel },
    limits: { maxSize: set.maxLayerSize, maxRatio: set.maxLayerRatio },
    pushReferrers: set.pushReferrers,
  };
}

/** Images, who makes those of debian.berth, and the door to registries. */
function openImages(settings: Settings, adapters: Adapters, events: Events) {
  const { store, clock, blobs, snapshotter: snapshots, architecture, bootstrapper } = adapters;
  const ownRegistry = new OwnRegistry(adapters.registry);
  const bases = new Bases({ bootstrapper, blobs, snapshots, store, clock, architecture });
  const images = new Images({
    ...{ blobs, snapshots, registry: ownRegistry, downloads: adapters.downloads },
    decompressor: adapters.decompressor,
    bases,
    ...{ state: store, clock, events },
    platform: { os: 'linux', architecture },
    rules: transferRules(settings.registries),
  });
  return { ownRegistry, bases, images };
}

/** What a crash left and cannot be cleared away keeps nobody from the rest; the next start tries again. */
function clearing(report: (problem: string, error: unknown) => void) {
  return (what: string, work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => report(`something of ${what} is left over from an earlier run`, error));
}

/** Constructs the nouns and starts them, those that others need first; each repairs what a crash left. */
export async function startEngine(instance: Instance, settings: Settings, adapters: Adapters, log: Logger) {
  const { store, clock, snapshotter, host, architecture, bootstrapper, runtime } = adapters;
  const report = (problem: string, error: unknown): void => log.error({ err: error }, problem);
  const events = new Events({ clock });
  const volumes = new Volumes({ store, storage: adapters.volumeStorage, clock, events });
  const secrets = new Secrets({ store, clock, keys: adapters.keys, passphrase: adapters.passphrase });
  const { ownRegistry, bases, images } = openImages(settings, adapters, events);
  const policies = new Policies({ ...adapters, events, report });
  const networks = new Networks({ ...adapters, events, instance, policies, report });
  const forBuilds = { registry: ownRegistry, events, images, networks, secrets, instance, report };
  const { builds, recordedBuilds, inventories } = openBuilds(settings, adapters, forBuilds);
  const initPath = findInitProgram();
  const containers = new Containers({
    ...adapters,
    events,
    images,
    ...{ networks, volumes, secrets, instance },
    random: (below) => randomInt(below),
    ...(initPath === undefined ? {} : { initPath }),
    admission: [],
    report,
  });
  const { ingress, certificates } = openIngress(settings, adapters, secrets, report);
  const registry = openRegistry(settings, adapters, { images, secrets, certificates, ownRegistry }, report);
  const apps = new Apps({
    ...{ store, clock, events, containers, images, networks },
    ...{ builds: recordedBuilds, machine: adapters.machine },
    node: { id: instance.id, arch: architecture, settings: { ...settings.defaults, ...settings.node } },
    places: networks.services,
    services: { settled: (app, service) => services.settled(app, service) },
    processes: adapters.processes,
    volumes,
    ...{ files: adapters.projectFiles, tree: adapters.workingTree },
    ...{ secrets, providers: adapters.secretProviders },
    ...{ ingress, policies, report },
  });
  const made = { bases, images, containers, apps, builds: recordedBuilds, events, inventories };
  const basesRoom = openBases(instance, settings, adapters, { ...made, registry: ownRegistry, report });
  const system = new System({
    ...{ instance, clock, machine: adapters.machine, runtime },
    ...{ containers, images, volumes, snapshotter, release },
    ...{ insecureRegistries: settings.registries.insecure, mirrors: settings.registries.mirrors },
    remapped: host.userNamespace !== undefined,
  });
  const sockets = new Sockets({ store, clock, report });
  const cleared = clearing(report);
  await cleared('base images', bootstrapper.start());
  await cleared('images', images.start());
  await registry.start();
  await cleared('volumes', volumes.start());
  await networks.start();
  await cleared('builds', builds.start());
  await containers.open(({ identity }) => identity !== undefined && apps.caresFor(identity.app));
  const services = new Services({ containers, clock, report });
  services.follow(networks.services);
  await ingress.start(services, apps.models());
  policies.start();
  apps.start();
  await basesRoom.startBases();
  const nouns = { apps, containers, services, ingress, events, report };
  const measured = startMeasuring(settings, adapters, nouns);
  const stored = { images, builds, sources: recordedBuilds, containers, volumes, registry, events, report };
  return {
    ...startDisk(settings, adapters, stored, log),
    ...basesRoom,
    ...{ ...measured, certificates, ingress, events, services, volumes, images },
    ...{ networks, policies, registry, builds: recordedBuilds, containers },
    ...{ apps, secrets, sockets, system, report },
  };
}
