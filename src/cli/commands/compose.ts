import type { Context } from '#cli/context.ts';
import { ensureDaemon } from '#cli/daemon-start.ts';
import { noticeText } from '#cli/render/report.ts';
import { AppApi } from './app-api.ts';
import { projectBody, type ProjectOptions } from './project.ts';

export interface ConfigOptions extends ProjectOptions {
  quiet?: true;
  services?: true;
}

/** `berth compose config`: the compose files of a project as one, with everything in place. */
export async function composeConfig(
  context: Context,
  target: string | undefined,
  options: ConfigOptions,
): Promise<void> {
  const api = new AppApi(await ensureDaemon(context));
  const answer = await api.config(await projectBody(api, target, options, context.program.environment));
  const { output } = context;
  output.json(answer);
  if (output.isJson) return;
  for (const notice of answer.notices)
    output.note(noticeText(notice, (colour, text) => output.paint(colour, text, 'stderr')));
  if (options.quiet === true) return;
  output.print(options.services === true ? answer.services.join('\n') : answer.yaml.trimEnd());
}
