import { unavailable } from '#base/errors.ts';
import type { TransferLine } from '#api/types/registries.ts';
import type { Context } from '#cli/context.ts';
import { ensureDaemon } from '#cli/daemon-start.ts';
import { DockerConfig } from '#cli/registry/docker-config.ts';
import { encodeCredentials } from '#cli/registry/encode-credentials.ts';
import { registryOfImage } from '#cli/registry/server-names.ts';
import { TransferRenderer } from '#cli/render/transfer.ts';
import { interruption } from './app-api.ts';

export interface TransferOptions {
  allTags?: true;
  quiet?: true;
  platform?: string;
}

/** `berth pull`: with the credentials of whoever runs it. */
export async function pull(context: Context, names: string[], options: TransferOptions): Promise<void> {
  for (const name of names)
    await transfer(context, name, options, {
      path: '/images/create',
      query: {
        fromImage: isTagged(name) || options.allTags === true ? name : `${name}:latest`,
        platform: options.platform,
      },
    });
}

/** `berth push`. */
export async function push(context: Context, names: string[], options: TransferOptions): Promise<void> {
  for (const name of names) {
    const [repository = name, tag = 'latest'] = split(name);
    await transfer(context, name, options, {
      path: `/images/${repository}/push`,
      query: options.allTags === true ? {} : { tag },
    });
  }
}

async function transfer(
  context: Context,
  name: string,
  { quiet }: TransferOptions,
  call: { path: string; query: Record<string, string | undefined> },
): Promise<void> {
  const client = await ensureDaemon(context);
  const credentials = await (await DockerConfig.read(context.program.environment)).get(registryOfImage(name));
  const renderer = new TransferRenderer(context.output, quiet === true);
  const headers = { 'x-registry-auth': encodeCredentials(credentials ?? {}) };
  const lines = client.lines<TransferLine>({ method: 'POST', ...call, headers, signal: interruption() });
  for await (const line of lines) {
    if (line.error !== undefined) throw unavailable('transfer-failed', line.error);
    renderer.show(line);
  }
  if (quiet === true) context.output.print(name);
}

function isTagged(name: string): boolean {
  return /[:@][^/]*$/.test(name);
}

function split(name: string): string[] {
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  return colon < 0 ? [name] : [name.slice(0, colon), name.slice(colon + 1)];
}
