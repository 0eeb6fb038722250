import type { Image } from '#domain/image/image.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { BuildOutput, Images } from '#engine/contracts.ts';
import { narrated, type Narrator } from '#engine/solves/narration.ts';
import type { BuildSession } from '#ports/build-sessions.ts';
import type { RootFiles } from '#ports/root-files.ts';
import type { Snapshotter } from '#ports/snapshotter.ts';

export interface ExportParts {
  images: Images;
  snapshotter: Pick<Snapshotter, 'view'>;
  rootFiles: Pick<RootFiles, 'packAll'>;
}

interface Exporting {
  session: BuildSession;
  narrator: Narrator;
  signal: AbortSignal;
}

/** Names that the image has to have in this engine for the outputs: those of archives too, which are made of it. */
export function namesHere(outputs: readonly BuildOutput[]): string[] {
  return outputs.flatMap((output) => ('names' in output ? output.names : []));
}

/** Sends the image of a build where the output wants it. @throws as Images.push; what the receiver failed with */
export async function exportImage(
  parts: ExportParts,
  image: Image,
  output: BuildOutput,
  exporting: Exporting,
): Promise<void> {
  const { images, snapshotter, rootFiles } = parts;
  switch (output.kind) {
    case 'image':
      await narrated(exporting.narrator, 'exporting to image', async (step) => {
        await step.status(`writing image ${image.id}`, 0);
        for (const name of output.names) await step.status(`naming to ${name}`, 0);
      });
      if (output.push) for (const name of output.names) await push(images, name, exporting);
      return;
    case 'oci':
    case 'docker':
      await output.write(images.save(output.names.length > 0 ? output.names : [image.id]));
      return;
    case 'tar':
      await snapshotter.view(image.chainId, (root) => output.write(rootFiles.packAll(root)));
      return;
    case 'local':
      await snapshotter.view(image.chainId, output.send);
  }
}

function push(images: Images, name: string, { session, narrator, signal }: Exporting): Promise<void> {
  return narrated(narrator, `pushing ${name}`, async (step) => {
    const auth = await session.credentials(parseReference(name).registry, signal);
    await images.push(name, {
      ...(auth !== undefined && { auth }),
      onProgress: ({ id, progressDetail }) => {
        if (id !== undefined && progressDetail?.current !== undefined)
          void step.status(id, progressDetail.current);
      },
      signal,
    });
  });
}
