import type { Context } from '#cli/context.ts';
import { ensureDaemon } from '#cli/daemon-start.ts';
import { noteText, noticeText, planText, type Paint } from '#cli/render/report.ts';
import { AppApi } from './app-api.ts';
import { projectBody } from './project.ts';
import type { UpOptions } from './up.ts';

/** Shows what `up` would do. */
export async function plan(context: Context, target: string | undefined, options: UpOptions): Promise<void> {
  const api = new AppApi(await ensureDaemon(context));
  const answer = await api.plan(await projectBody(api, target, options, context.program.environment));
  const { output } = context;
  output.json(answer);
  if (output.isJson) return;
  const remark: Paint = (colour, text) => output.paint(colour, text, 'stderr');
  for (const notice of answer.notices) output.note(noticeText(notice, remark));
  for (const note of answer.notes) output.note(noteText(note, remark));
  output.print(planText(answer, (colour, text) => output.paint(colour, text)));
}
