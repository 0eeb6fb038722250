import type { ClientRequest, IncomingMessage } from 'node:http';

/**
 * Sends a request that has a connection of its own, and has its answer read; however that ends, nothing stays open.
 * @throws what the request failed with, or `read`
 */
export async function answerOf<T>(
  request: ClientRequest,
  read: (response: IncomingMessage) => T | Promise<T>,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request.once('response', resolve).once('error', reject).end();
  try {
    return await read(await promise);
  } finally {
    // An error that comes later concerns nobody any more.
    request.on('error', () => undefined);
    request.destroy();
  }
}
