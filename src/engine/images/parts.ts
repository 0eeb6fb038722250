import type { Platform } from '#domain/image/manifest.ts';
import type { Events } from '#engine/contracts.ts';
import type { BaseImages } from '#engine/images/base-images.ts';
import type { Catalog } from '#engine/images/catalog.ts';
import type { Collector } from '#engine/images/collector.ts';
import type { Layers } from '#engine/images/layers.ts';
import type { IngestJournal } from '#engine/images/ingest-journal.ts';
import type { Leases } from '#engine/images/leases.ts';
import type { PackedLayer } from '#engine/images/sending.ts';
import type { TransferRules } from '#engine/images/transfer-rules.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Decompressor } from '#ports/decompressor.ts';
import type { Downloads } from '#ports/downloads.ts';
import type { RegistryClient } from '#ports/registry-client.ts';
import type { Snapshotter } from '#ports/snapshotter.ts';
import type { Collection } from '#ports/state-store.ts';

/** What the verbs of this room share. */
export interface Parts {
  blobs: BlobStore;
  snapshots: Snapshotter;
  registry: RegistryClient;
  downloads: Downloads;
  decompressor: Decompressor;
  bases: BaseImages;
  clock: Clock;
  events: Events;
  /** The host's. */
  platform: Platform;
  catalog: Catalog;
  layers: Layers;
  leases: Leases;
  collector: Collector;
  journal: IngestJournal;
  rules: TransferRules;
  /** By `DIGEST KIND LEVEL` of the layer that is stored uncompressed. */
  packed: Collection<PackedLayer>;
}
