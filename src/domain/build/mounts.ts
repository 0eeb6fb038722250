import type { Named } from '#domain/dockerfile/instruction.ts';
import { MountError } from '#domain/dockerfile/mount-options.ts';
import { readMount, type Mount } from '#domain/dockerfile/mount.ts';
import type { Dockerfile } from '#domain/dockerfile/parse.ts';
import { mistake } from '#domain/dockerfile/source.ts';
import { resolveFrom } from './path.ts';
import type { Expander } from './state.ts';

/**
 * What the `--mount` flags of a RUN ask for, variables expanded and targets seen from the working folder.
 * @throws invalid `dockerfile-invalid` with the place of the flag
 */
export function mountsOf(file: Dockerfile, run: Named<'RUN'>, expand: Expander, workdir: string): Mount[] {
  return run.mounts.map(({ text, at }) => {
    try {
      return placed(
        readMount(text, (value) => expand.one(value)),
        workdir === '' ? '/' : workdir,
      );
    } catch (error) {
      if (!(error instanceof MountError)) throw error;
      const marking = { length: `--mount=${text}`.length };
      throw mistake(
        file.source,
        at,
        error.message,
        error.hint === undefined ? marking : { ...marking, hint: error.hint },
      );
    }
  });
}

function placed(mount: Mount, workdir: string): Mount {
  if (mount.target === undefined) return mount;
  const target = resolveFrom(workdir, mount.target);
  if (target === '/') throw new MountError('invalid mount target "/"', 'write target=FOLDER');
  return { ...mount, target };
}
