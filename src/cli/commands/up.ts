import { createInterface } from 'node:readline/promises';
import { conflict } from '#base/errors.ts';
import type { ProjectBody } from '#api/types/apps.ts';
import type { Context } from '#cli/context.ts';
import { ensureDaemon } from '#cli/daemon-start.ts';
import { planText } from '#cli/render/report.ts';
import { rendererFor } from '#cli/render/renderer.ts';
import { AppApi, follow, interruption } from './app-api.ts';
import { projectBody, type ProjectOptions } from './project.ts';

export interface UpOptions extends ProjectOptions {
  yes?: true;
  timeout?: number;
  /** Above 0, at most 1. */
  canary?: number;
}

/** Makes the app as its files say, and shows how it goes. */
export async function up(context: Context, target: string | undefined, options: UpOptions): Promise<void> {
  const api = new AppApi(await ensureDaemon(context));
  const body = await projectBody(api, target, options, context.program.environment);
  if (options.yes !== true && context.output.isLive && process.stdin.isTTY) await confirm(context, api, body);
  const request = {
    ...body,
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.canary === undefined ? {} : { canary: options.canary }),
  };
  const signal = interruption();
  await follow(api.up(request, signal), rendererFor(context.output), signal);
}

/** Services that left the file take their containers with them: worth a question. */
async function confirm(context: Context, api: AppApi, body: ProjectBody): Promise<void> {
  const plan = await api.plan(body);
  const kept = new Set(
    plan.steps.filter((step) => !/^(stop|remove)-/.test(step.kind)).map((step) => step.service),
  );
  const removed = plan.steps.filter((step) => step.kind === 'remove-container' && !kept.has(step.service));
  if (removed.length === 0) return;
  const { output } = context;
  output.note(planText(plan, (colour, text) => output.paint(colour, text, 'stderr')));
  const names = removed.map((step) => step.name ?? '').join(', ');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Remove ${names}? [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim()))
      throw conflict('app-declined', 'nothing was changed', { hint: '--yes does not ask' });
  } finally {
    terminal.close();
  }
}
