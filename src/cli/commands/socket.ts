import { resolve } from 'node:path';
import { BerthError } from '#base/errors.ts';
import type { SocketAnswer, SocketBody } from '#api/types/sockets.ts';
import type { Context } from '#cli/context.ts';

const path = '/berth/v1/sockets';

export interface CreateOptions {
  allow: string[];
  label: string[];
}

/** `berth socket create PATH`. */
export async function createSocket(
  context: Context,
  target: string,
  { allow, label }: CreateOptions,
): Promise<void> {
  const client = await context.client();
  const body: SocketBody = { path: resolve(target), allow, labels: Object.fromEntries(label.map(pair)) };
  const made = await client.json<SocketAnswer>({ method: 'POST', path, body });
  context.output.json(made);
  context.output.print(`${made.path} allows ${made.allow.join(', ')}`);
}

/** `berth socket ls`. */
export async function listSockets({ client, output }: Context): Promise<void> {
  const sockets = await (await client()).json<SocketAnswer[]>({ path });
  output.json(sockets);
  output.table(
    [
      ['PATH', 'ALLOWS', 'LABELS'],
      ...sockets.map((socket) => [
        socket.path,
        socket.allow.join(','),
        Object.entries(socket.labels)
          .map((entry) => entry.join('='))
          .join(',') || '-',
      ]),
    ],
    'No scoped sockets.',
  );
}

/** `berth socket rm PATH`. */
export async function removeSocket(context: Context, target: string): Promise<void> {
  const full = resolve(target);
  const client = await context.client();
  await client.text({ method: 'DELETE', path, query: { path: full } });
  context.output.print(full);
}

function pair(label: string): [string, string] {
  const at = label.indexOf('=');
  if (at > 0) return [label.slice(0, at), label.slice(at + 1)];
  throw new BerthError('invalid', 'label-invalid', `label '${label}' is not KEY=VALUE`);
}
