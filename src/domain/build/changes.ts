import { invalid } from '#base/errors.ts';
import type { ContainerConfig } from '#domain/container/config.ts';
import { parseChanges } from '#domain/dockerfile/parse.ts';
import { DockerfileError } from '#domain/dockerfile/source.ts';
import type { ImageConfig } from '#domain/image/manifest.ts';
import { applyMetadata, isMetadata } from './metadata.ts';
import { configOf, type StageState } from './state.ts';

/** The instructions that `docker import --change` and `docker commit --change` take. */
const accepted = new Set([
  ...['CMD', 'ENTRYPOINT', 'ENV', 'EXPOSE', 'HEALTHCHECK', 'LABEL', 'ONBUILD', 'STOPSIGNAL', 'USER'],
  ...['VOLUME', 'WORKDIR'],
]);

const unknown: ImageConfig = { os: '', architecture: '', rootfs: { type: 'layers', diff_ids: [] } };

/**
 * Applies `--change` instructions in order, as those of a stage that begins with the config.
 * @throws invalid `change-invalid` in Docker's words
 */
export function applyChanges(config: ContainerConfig, changes: readonly string[]): ContainerConfig {
  if (changes.length === 0) return config;
  const start: StageState = { config: { ...unknown, config }, args: {}, cmdSet: false };
  try {
    const { file, instructions } = parseChanges(changes, accepted);
    const state = instructions
      .filter(isMetadata)
      .reduce((now, each) => applyMetadata(file, each, now, { given: {}, globals: {} }).state, start);
    return configOf(state);
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    const words = error.place.words.replace(/^dockerfile parse error on line \d+: /, '');
    throw invalid('change-invalid', words, { cause: error });
  }
}
