import type { Build } from '#domain/app/model.ts';
import type { Step } from '#domain/app/step.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { BuildRequest, Progress } from '#engine/contracts.ts';
import { extrasOf } from './build-extras.ts';
import { absolute } from './project.ts';
import { serviceOf, type Run } from './run.ts';

export async function pullImage(step: Step<'pull-image'>, run: Run): Promise<void> {
  const { platform } = serviceOf(run, step.service);
  const auth = run.auths?.[parseReference(step.image).registry];
  await run.parts.images.pull(step.image, {
    onProgress: (progress) => tell(step, run, progress),
    signal: run.signal,
    ...(platform === undefined ? {} : { platform }),
    ...(auth === undefined ? {} : { auth }),
  });
  run.fresh.add(step.image);
}

export async function buildImage(step: Step<'build-image'>, run: Run): Promise<void> {
  const { build } = serviceOf(run, step.service);
  if (build === undefined) return;
  await run.parts.builds.build({
    ...(await source(build, run)),
    ...extrasOf(build, run),
    tags: [step.image, ...build.tags],
    buildArgs: build.args,
    labels: build.labels,
    ...(run.auths === undefined ? {} : { auths: run.auths }),
    noCache: build.noCache,
    pull: build.pull,
    extraHosts: build.extraHosts,
    onProgress: (progress) => tell(step, run, progress),
    signal: run.signal,
    ...(build.target === undefined ? {} : { target: build.target }),
    ...(build.platform === undefined ? {} : { platform: build.platform }),
    ...(build.network === undefined ? {} : { networkMode: build.network }),
    resources: {
      ...(build.shmSize === undefined ? {} : { ShmSize: build.shmSize }),
      ...(build.ulimits === undefined ? {} : { Ulimits: build.ulimits }),
    },
  });
  run.fresh.add(step.image);
}

/** A Dockerfile outside the context is read here: the builder looks inside only. */
async function source(
  build: Build,
  run: Run,
): Promise<Pick<BuildRequest, 'context' | 'dockerfile' | 'dockerfileText'>> {
  const context = { folder: build.context };
  if (build.dockerfileInline !== undefined) return { context, dockerfileText: build.dockerfileInline };
  const isOutside = build.dockerfile.startsWith('/') || build.dockerfile.split('/').includes('..');
  if (!isOutside) return { context, dockerfile: build.dockerfile };
  const text = await run.parts.files.readText(absolute(build.context, build.dockerfile));
  return text === undefined ? { context, dockerfile: build.dockerfile } : { context, dockerfileText: text };
}

function tell(step: Step, run: Run, progress: Progress): void {
  const text = (progress.stream ?? progress.status ?? '').trimEnd();
  if (text === '' && progress.progressDetail === undefined) return;
  const { current, total } = progress.progressDetail ?? {};
  run.emit({
    type: 'progress',
    step,
    text,
    ...(progress.id === undefined ? {} : { id: progress.id }),
    ...(current === undefined ? {} : { current }),
    ...(total === undefined ? {} : { total }),
  });
}
