import type { Context } from '#cli/context.ts';
import { ensureDaemon } from '#cli/daemon-start.ts';
import { noticeText } from '#cli/render/report.ts';
import { AppApi } from './app-api.ts';
import { projectBody, type ProjectOptions } from './project.ts';

/** `berth compose config`: the compose files of a project as one, with everything in place. */
export async function composeConfig(
  context: Context,
  target: string | undefined,
  options: ProjectOptions,
): Promise<void> {
  const api = new AppApi(await ensureDaemon(context));
  const answer = await api.config(await projectBody(api, target, options, context.program.environment));
  const { output } = context;
  output.json(answer);
  if (output.isJson) return;
  for (const notice of answer.notices)
    output.note(noticeText(notice, (colour, text) => output.paint(colour, text, 'stderr')));
  output.print(answer.yaml.trimEnd());
}
