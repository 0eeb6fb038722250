import { invalid } from '#base/errors.ts';
import type { HistoryAnswer, HistoryDetailAnswer } from '#api/types/app-history.ts';
import type { Context } from '#cli/context.ts';
import { differenceLines } from '#cli/render/differences.ts';
import { rendererFor } from '#cli/render/renderer.ts';
import type { Paint } from '#cli/render/report.ts';
import { timeWords } from '#cli/render/words.ts';
import { AppApi, follow, interruption } from './app-api.ts';
import type { ReplicaOptions } from './replicas.ts';

/** A number means a revision, another word an app, in either order. */
function readWords(words: readonly (string | undefined)[]): { app?: string; revision?: number } {
  const given = words.filter((word) => word !== undefined);
  const revision = given.find((word) => /^[1-9]\d{0,8}$/.test(word));
  const others = given.filter((word) => word !== revision);
  const [app, more] = others;
  if (more !== undefined)
    throw invalid(
      'revision-word',
      `found '${others.join(' ')}', required is an app and the number of a revision`,
    );
  return {
    ...(app === undefined ? {} : { app }),
    ...(revision === undefined ? {} : { revision: Number(revision) }),
  };
}

export async function showHistory(context: Context, first?: string, second?: string): Promise<void> {
  const { app: word, revision } = readWords([first, second]);
  const client = await context.client();
  const { name } = await new AppApi(client).meant(word);
  const path = `/berth/v1/apps/${encodeURIComponent(name)}/history`;
  const { output } = context;
  if (revision === undefined) {
    const list = await client.json<HistoryAnswer[]>({ path });
    output.json(list);
    output.table([
      ['REVISION', 'STATE', 'CREATED', 'BY', 'WHY', 'CHANGES'],
      ...list.toReversed().map(historyRow),
    ]);
    return;
  }
  const detail = await client.json<HistoryDetailAnswer>({ path: `${path}/${revision}` });
  output.json(detail);
  for (const line of detailLines(detail, (colour, text) => output.paint(colour, text))) output.print(line);
}

function historyRow({ number, state, created, by, reason, changes, failure }: HistoryAnswer): string[] {
  const what = failure === undefined ? changes.join('; ') : `${failure}; tried: ${changes.join('; ')}`;
  return [String(number), state, timeWords(created), by, reason, what];
}

function detailLines(detail: HistoryDetailAnswer, paint: Paint): string[] {
  const { app, number, state, created, by, reason, failure, images, sincePrevious, toIt } = detail;
  return [
    `Revision ${number} of ${paint('bold', app)}, ${state}: ${reason}, by ${by}, ${created}`,
    ...(failure === undefined ? [] : [`${paint('red', 'failed')}: ${failure}`]),
    'Images:',
    ...images.map(({ service, image, imageId = 'not known' }) => `  ${service}  ${image}  ${imageId}`),
    'Since the revision before:',
    ...differenceLines(sincePrevious, paint),
    ...(state === 'in force' ? [] : ['From what is in force to it:', ...differenceLines(toIt, paint)]),
  ];
}

export async function rollback(
  context: Context,
  first: string | undefined,
  second: string | undefined,
  options: ReplicaOptions,
): Promise<void> {
  const { app: word, revision } = readWords([first, second]);
  const api = new AppApi(await context.client());
  const { name } = await api.meant(word);
  const signal = interruption();
  const body = {
    ...(revision === undefined ? {} : { revision }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.overcommit === undefined ? {} : { overcommit: true }),
  };
  await follow(api.change(name, 'rollback', body, signal), rendererFor(context.output), signal);
}
