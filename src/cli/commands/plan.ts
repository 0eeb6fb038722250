import type { Context } from '#cli/context.ts';
import { ensureDaemon } from '#cli/daemon-start.ts';
import { noteText, noticeText, planText, type Paint } from '#cli/render/report.ts';
import { AppApi } from './app-api.ts';
import { projectBody, type ProjectOptions } from './project.ts';

export interface PlanOptions extends ProjectOptions {
  /** Above 0, at most 1. */
  canary?: number;
  exitCode?: true;
}

const changesFound = 2;

/** Shows what `up` would do. */
export async function plan(
  context: Context,
  target: string | undefined,
  options: PlanOptions,
): Promise<void> {
  const api = new AppApi(await ensureDaemon(context));
  const body = await projectBody(api, target, options, context.program.environment);
  const { canary } = options;
  const answer = await api.plan(canary === undefined ? body : { ...body, canary });
  const { output } = context;
  const isChange = answer.services.some((one) => one.action !== 'keep') || answer.steps.length > 0;
  if (options.exitCode === true && isChange) process.exitCode = changesFound;
  output.json(answer);
  if (output.isJson) return;
  const remark: Paint = (colour, text) => output.paint(colour, text, 'stderr');
  for (const notice of answer.notices) output.note(noticeText(notice, remark));
  for (const note of answer.notes) output.note(noteText(note, remark));
  output.print(planText(answer, (colour, text) => output.paint(colour, text)));
  if (isChange) output.print(`Plan ${answer.id}: berth up --plan ${answer.id} does this, or nothing`);
}
