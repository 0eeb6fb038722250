import { once } from 'node:events';
import { duplexPair, type Duplex } from 'node:stream';
import type { SessionOffer, Sessions } from '#engine/contracts.ts';
import { BytesMessage } from '#api/buildkit/messages.ts';

/**
 * A session whose connection is a call of BytesMessages: buildx has one for the folders that several of its builds share. Ends
 * when either side leaves.
 */
export async function* sessionWithin(
  sessions: Sessions,
  requests: AsyncIterable<Uint8Array>,
  offer: SessionOffer,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const [connection, caller] = duplexPair();
  // What ends a connection early is of no interest: the session is gone then.
  for (const each of [connection, caller]) each.on('error', () => undefined);
  const stop = (): void => void connection.destroy();
  signal.addEventListener('abort', stop, { once: true });
  const open = sessions.open(connection, offer);
  open.catch(stop);
  const passed = passOn(requests, caller, signal).catch(stop);
  try {
    const chunks: AsyncIterable<Buffer> = caller;
    for await (const data of chunks) yield BytesMessage.encode({ data });
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
    caller.destroy();
    await Promise.all([open, passed]);
  }
}

async function passOn(
  requests: AsyncIterable<Uint8Array>,
  caller: Duplex,
  signal: AbortSignal,
): Promise<void> {
  for await (const request of requests) {
    const { data } = BytesMessage.decode(request);
    if (!caller.write(data)) await once(caller, 'drain', { signal });
  }
  caller.end();
}
