import type { Context } from '#cli/context.ts';
import type { UpBody } from '#api/types/apps.ts';
import { ensureDaemon } from '#cli/daemon-start.ts';
import { messageOf } from '#base/errors.ts';
import { DockerConfig } from '#cli/registry/docker-config.ts';
import { rendererFor } from '#cli/render/renderer.ts';
import { AppApi, follow, interruption } from './app-api.ts';
import { watchApp } from './watch-app.ts';
import { projectBody, type ProjectOptions } from './project.ts';

export interface UpOptions extends ProjectOptions {
  timeout?: number;
  /** Above 0, at most 1. */
  canary?: number;
  /** Of a plan that was shown. */
  plan?: string;
  /** Also when more is reserved than the machine has. */
  overcommit?: true;
  /** Then follow its files. */
  watch?: true;
}

/** Makes the app as its files say, and shows how it goes. */
export async function up(context: Context, target: string | undefined, options: UpOptions): Promise<void> {
  const api = new AppApi(await ensureDaemon(context));
  const body = await projectBody(api, target, options, context.program.environment);
  const request = {
    ...body,
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.canary === undefined ? {} : { canary: options.canary }),
    ...(options.plan === undefined ? {} : { plan: options.plan }),
    ...(await credentialsOf(context)),
    ...(options.overcommit === undefined ? {} : { overcommit: true }),
  };
  const signal = interruption();
  const { app } = await follow(api.up(request, signal), rendererFor(context.output), signal);
  if (options.watch === true) await watchApp(context, api, app, { signal, timeout: options.timeout });
}

/** Those of whoever runs it, for private images of the app. A helper that fails only matters when it is needed. */
async function credentialsOf({ program, output }: Context): Promise<Pick<UpBody, 'registries'>> {
  const config = await DockerConfig.read(program.environment);
  const registries = await config.all((error) => output.note(`warning: ${messageOf(error)}`));
  return Object.keys(registries).length === 0 ? {} : { registries };
}
