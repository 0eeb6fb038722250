import { join } from 'node:path';
import { KeyFile } from '#adapters/key-file/key-file.ts';
import { refreshCron } from '#domain/base/refresh-time.ts';
import type { Instance } from '#domain/instance.ts';
import type { Settings } from '#domain/settings/settings.ts';
import type { Apps } from '#engine/apps/apps.ts';
import { Attachments } from '#engine/bases/attachments.ts';
import { Attesting } from '#engine/bases/attesting.ts';
import type { Bases } from '#engine/bases/bases.ts';
import { Deployments } from '#engine/bases/deployments.ts';
import type { Inventories } from '#engine/bases/inventories.ts';
import { PulledNames } from '#engine/bases/pulled-names.ts';
import { Outdated } from '#engine/bases/outdated.ts';
import type { RecordedBuilds } from '#engine/bases/recorded-builds.ts';
import { Refreshing } from '#engine/bases/refreshing.ts';
import { RefreshSchedule } from '#engine/bases/refresh-schedule.ts';
import { TriedBuilds } from '#engine/bases/tried-builds.ts';
import { Shelf } from '#engine/bases/shelf.ts';
import { SignatureCheck } from '#engine/bases/signature-check.ts';
import { SigningKey } from '#engine/bases/signing-key.ts';
import { BaseUpkeep } from '#engine/bases/upkeep.ts';
import type { Containers } from '#engine/contracts.ts';
import type { Events } from '#engine/events/events.ts';
import type { Images } from '#engine/images/images.ts';
import type { Adapters } from '#main/adapters.ts';
import type { RegistryClient } from '#ports/registry-client.ts';
import { release } from '#main/release.ts';

interface Nouns {
  bases: Bases;
  images: Images;
  containers: Containers;
  apps: Apps;
  builds: RecordedBuilds;
  events: Events;
  inventories: Inventories;
  registry: RegistryClient;
  report: (problem: string, error: unknown) => void;
}

/** What the images of debian.berth need besides being made: signatures, bills of materials, refreshing. Not yet started. */
export function openBases({ root }: Instance, settings: Settings, adapters: Adapters, nouns: Nouns) {
  const { blobs, store, clock, architecture, bootstrapper } = adapters;
  const { registry, bases, images, containers, apps, builds, events, inventories, report } = nouns;
  const attachments = new Attachments({ blobs, store, care: images.contents });
  const key = new SigningKey(
    new KeyFile(join(root, 'signing.key'), 'without its key the signatures of before cannot be checked'),
  );
  const attesting = new Attesting({ attachments, inventories, key, images, blobs, version: release.version });
  bases.whenMade((image) => attesting.attest(image));
  bases.whenPushed((image, subject, repository) => attesting.companions(image, subject, repository));
  const deployments = new Deployments({ apps, images, store, clock });
  const tried = new TriedBuilds(store);
  const signatureCheck = new SignatureCheck({
    ...{ registry: nouns.registry, attesting },
    placesOf: ({ manifestDigest }) =>
      images.contents.origins(manifestDigest).map(({ reference }) => reference),
  });
  const outdated = new Outdated({
    ...{ images, containers, inventories, bootstrapper, builds, architecture, tried, store, clock },
    pulled: new PulledNames(registry),
    leftAlone: (name) => deployments.leftAlone(name),
  });
  const forRefresh = { images, bases, builds, inventories, outdated, deployments, events };
  const refreshing = new Refreshing({ ...forRefresh, tried, clock });
  const cron = refreshCron(settings.bases.refresh);
  const { deploy } = settings.bases;
  const refreshSchedule = new RefreshSchedule({ store, clock, events, refreshing, cron, deploy, report });
  const upkeep = new BaseUpkeep({ images, builds, tried, events, inventories, attachments, clock, report });
  return {
    ...{ outdated, refreshing, refreshSchedule, attesting, signatureCheck, key },
    shelf: new Shelf(images, inventories, attachments),
    sweepBases: () => upkeep.sweep(),
    startBases: async () => {
      await upkeep.start();
      refreshSchedule.start();
    },
    closeBases: async () => {
      upkeep.close();
      refreshSchedule.close();
      await builds.close();
    },
  };
}
