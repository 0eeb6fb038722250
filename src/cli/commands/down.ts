import { unavailable } from '#base/errors.ts';
import type { Context } from '#cli/context.ts';
import { rendererFor } from '#cli/render/renderer.ts';
import { AppApi, follow, interruption } from './app-api.ts';

export interface DownOptions {
  volumes?: true;
  timeout?: number;
}

/** Stops and removes an app. Its files need not be there any more. */
export async function down(
  context: Context,
  target: string | undefined,
  options: DownOptions,
): Promise<void> {
  const api = new AppApi(await context.client());
  const app = await api.meant(target);
  const body = {
    volumes: options.volumes ?? false,
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
  };
  const signal = interruption();
  const goesOn = unavailable('interrupted', `interrupted: the daemon goes on and takes '${app.name}' down`, {
    hint: 'berth ps shows when it is gone; berth up brings it back then',
  });
  await follow(api.change(app.name, 'down', body, signal), rendererFor(context.output), signal, goesOn);
}
