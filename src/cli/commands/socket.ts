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
  const made = socketAnswer(await client.json({ method: 'POST', path, body }));
  context.output.json(made);
  context.output.print(`${made.path} allows ${made.allow.join(', ')}`);
}

/** `berth socket ls`. */
export async function listSockets({ client, output }: Context): Promise<void> {
  const sockets = socketAnswers(await (await client()).json({ path }));
  output.json(sockets);
  if (sockets.length === 0) output.print('No scoped sockets.');
  else
    output.table([
      ['PATH', 'ALLOWS', 'LABELS'],
      ...sockets.map((socket) => [
        socket.path,
        socket.allow.join(','),
        Object.entries(socket.labels)
          .map((entry) => entry.join('='))
          .join(',') || '-',
      ]),
    ]);
}

/** `berth socket rm PATH`. */
export async function removeSocket(context: Context, target: string): Promise<void> {
  const full = resolve(target);
  const client = await context.client();
  await client.text({ method: 'DELETE', path: `${path}?path=${encodeURIComponent(full)}` });
  context.output.print(full);
}

function pair(label: string): [string, string] {
  const at = label.indexOf('=');
  if (at > 0) return [label.slice(0, at), label.slice(at + 1)];
  throw new BerthError('invalid', 'label-invalid', `label '${label}' is not KEY=VALUE`);
}

// The daemon and this program are released together: what the API promises is what comes.
function socketAnswer(value: unknown): SocketAnswer;
function socketAnswer(value: unknown): unknown {
  return value;
}

function socketAnswers(value: unknown): SocketAnswer[];
function socketAnswers(value: unknown): unknown {
  return value;
}
