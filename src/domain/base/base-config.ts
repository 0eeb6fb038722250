import { canonicalName, partsOf, type BaseName } from '#domain/base/base-name.ts';
import { contentsOf } from '#domain/base/contents.ts';
import { catalogueEntry } from '#domain/base/recipes/catalogue.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { ImageConfig } from '#domain/image/manifest.ts';

export interface BaseContent {
  /** As an image config names it, such as amd64. */
  architecture: string;
  packages: { name: string; version: string }[];
  /** Seconds. */
  epoch: number;
  diffId: Digest;
}

/** OCI image specification, annotations.md. */
export const baseNameLabel = 'org.opencontainers.image.base.name';

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The package whose version is the image's. */
export function mainPackage<P extends { name: string }>(
  { entry, packages }: Pick<BaseName, 'entry' | 'packages'>,
  installed: readonly P[],
): P | undefined {
  const main = entry === undefined ? undefined : catalogueEntry(entry)?.main;
  return installed.find(({ name }) => (main === undefined ? name === packages[0] : main.test(name)));
}

/** The config of an image made from packages: the same packages give the same config. */
export function baseConfig(name: BaseName, content: BaseContent): ImageConfig {
  const { user, config, environment = [] } = contentsOf(name).recipe;
  const created = new Date(content.epoch * 1000).toISOString();
  return {
    created,
    architecture: content.architecture,
    os: 'linux',
    config: {
      Env: [`PATH=${path}`, 'LANG=C.UTF-8', ...environment],
      User: user.name,
      ...config,
      Labels: labels(name, content),
    },
    rootfs: { type: 'layers', diff_ids: [content.diffId] },
    history: [
      {
        created,
        created_by: `debian ${name.suite}: ${partsOf(name).join(' ')}`,
        comment: 'made from signed Debian packages',
      },
    ],
  };
}

function labels(name: BaseName, content: BaseContent): Record<string, string> {
  const main = mainPackage(name, content.packages);
  return {
    'org.opencontainers.image.title': partsOf(name).join('/'),
    'org.opencontainers.image.version': main?.version ?? name.suite,
    'org.opencontainers.image.vendor': 'Debian',
    // What is built from this image inherits it.
    [baseNameLabel]: canonicalName(name),
    'berth.suite': name.suite,
    ...Object.fromEntries(content.packages.map((entry) => [`berth.package.${entry.name}`, entry.version])),
  };
}
