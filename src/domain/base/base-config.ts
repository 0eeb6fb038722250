import { recipeOf } from '#domain/base/recipes.ts';
import type { BaseName } from '#domain/base/base-name.ts';
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

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The config of an image made from packages: the same packages give the same config. */
export function baseConfig(name: BaseName, content: BaseContent): ImageConfig {
  const { user, config, environment = [] } = recipeOf(name.packages);
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
        created_by: `debian ${name.suite}: ${name.packages.length === 0 ? 'base' : name.packages.join(' ')}`,
        comment: 'made from signed Debian packages',
      },
    ],
  };
}

function labels(name: BaseName, content: BaseContent): Record<string, string> {
  const main = content.packages.find((entry) => entry.name === (name.packages[0] ?? 'base-files'));
  return {
    'org.opencontainers.image.title': name.packages.length === 0 ? 'base' : name.packages.join('/'),
    'org.opencontainers.image.version': main?.version ?? name.suite,
    'org.opencontainers.image.vendor': 'Debian',
    'berth.suite': name.suite,
    ...Object.fromEntries(content.packages.map((entry) => [`berth.package.${entry.name}`, entry.version])),
  };
}
