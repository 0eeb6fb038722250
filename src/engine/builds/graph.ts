import type { PlannedStage } from '#domain/build/plan.ts';
import type { Image } from '#domain/image/image.ts';
import type { BuildRun } from '#engine/builds/build-run.ts';
import { noImage } from '#engine/builds/failures.ts';
import { OrderedOutput, red, say, type Sink } from '#engine/builds/output.ts';
import { StageRun } from '#engine/builds/stage-run.ts';

/** Runs the graph: all stages begin at once, and wait where they use what another makes. One failure stops all. */
export async function runStages(run: BuildRun, abort: AbortController): Promise<Image> {
  const { stages } = run.plan;
  const output = new OrderedOutput(run.request.onProgress, stages.length, run.request.onVertex !== undefined);
  await warnOfEmptyLines(run, output.sink(0));
  let firstStep = await announceGlobals(run, output.sink(0));
  const runs = stages.map((stage, lane) => {
    const start = firstStep;
    firstStep += 1 + stage.instructions.length;
    const result = runStage(run, stage, output.sink(lane), start).finally(() => output.end(lane));
    run.enter(stage.index, result);
    return result.catch((error: unknown) => {
      // From now on the others fail with the same error.
      abort.abort(error);
      throw error;
    });
  });
  await Promise.allSettled(runs);
  const image = (await Promise.all(runs)).at(-1);
  if (image === undefined) throw noImage();
  const unused = run.plan.unused.filter((name) => !run.triggered.has(name));
  if (unused.length > 0)
    await say(
      output.sink(stages.length - 1),
      `[Warning] One or more build-args [${unused.join(' ')}] were not consumed\n`,
    );
  return image;
}

/** Clients that show the graph are told by its warnings. */
async function warnOfEmptyLines({ plan: { file } }: BuildRun, sink: Sink): Promise<void> {
  const written = [
    ...file.globals,
    ...file.stages.flatMap(({ from, instructions }) => [from, ...instructions]),
  ];
  const found = written.filter(({ emptyContinuation }) => emptyContinuation !== undefined);
  for (const { text } of found)
    await say(sink, red(`[WARNING]: Empty continuation line found in: ${text}\n`));
  if (found.length > 0)
    await say(sink, red('[WARNING]: Empty continuation lines will become errors in a future release.\n'));
}

/** The ARGs before the first FROM count as steps. Gives how many there are. */
async function announceGlobals(run: BuildRun, sink: Sink): Promise<number> {
  const { globals } = run.plan.file;
  for (const [index, { text }] of globals.entries())
    await say(sink, `Step ${index + 1}/${run.steps} : ${text}\n`);
  return globals.length;
}

async function runStage(
  run: BuildRun,
  stage: PlannedStage,
  sink: Sink,
  firstStep: number,
): Promise<Image | undefined> {
  if (stage.base.kind === 'stage') await run.settled([stage.base.index]);
  run.signal.throwIfAborted();
  await say(sink, `Step ${firstStep + 1}/${run.steps} : ${stage.from.text}\n`);
  const base = await run.base(stage, sink);
  return new StageRun(run, stage, sink, base, firstStep + 1).finish();
}
