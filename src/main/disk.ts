import type { Logger } from 'pino';
import type { Settings } from '#domain/settings/settings.ts';
import { DiskCollector } from '#engine/disk/collector.ts';
import { ImageUse } from '#engine/disk/image-use.ts';
import type { DiskParts } from '#engine/disk/parts.ts';
import type { Images } from '#engine/images/images.ts';
import { Usage } from '#engine/disk/usage.ts';
import type { Adapters } from '#main/adapters.ts';

interface Nouns extends Pick<
  DiskParts,
  'builds' | 'sources' | 'containers' | 'volumes' | 'registry' | 'events' | 'report'
> {
  images: Images;
}

/** Constructs and starts what keeps the disk from filling up. */
export function startDisk(settings: Settings, adapters: Adapters, nouns: Nouns, log: Logger) {
  const {
    store,
    clock,
    space,
    blobs,
    snapshotter,
    logs,
    buildSessions: sessions,
    bootstrapper: packages,
  } = adapters;
  const parts: DiskParts = {
    ...{ space, blobs, snapshotter, logs, sessions, packages, clock, ...nouns },
    contents: nouns.images.contents,
    uses: new ImageUse({ store, clock, ...nouns }),
    settings: settings.disk,
    keep: { keepPartial: settings.registries.keepPartial, keepContexts: settings.bases.keepContexts },
    tell: (line, details) => log.info(details, line),
  };
  const diskCollector = new DiskCollector(parts);
  diskCollector.start();
  return { diskCollector, usage: new Usage(parts, diskCollector) };
}
