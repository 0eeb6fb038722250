import type { IncomingHttpHeaders } from 'node:http';
import { Duplex } from 'node:stream';
import { invalid } from '#base/errors.ts';
import type { Method } from '#base/grpc/server.ts';
import type { SessionOffer, Sessions } from '#engine/contracts.ts';
import { BytesMessage } from '#api/buildkit/messages.ts';

/** What the headers of `POST /session`, or the metadata of `Control.Session`, say. @throws invalid `session-id-missing` */
export function offerOf(headers: IncomingHttpHeaders | Readonly<Record<string, unknown>>): SessionOffer {
  const header = (name: string): string => {
    const value: unknown = headers[`x-docker-expose-session-${name}`];
    return Array.isArray(value) ? value.join(',') : typeof value === 'string' ? value : '';
  };
  const id = header('uuid');
  if (id === '') throw invalid('session-id-missing', 'the header X-Docker-Expose-Session-Uuid is missing');
  const methods = header('grpc-method').split(',');
  return {
    id,
    sharedKey: header('sharedkey'),
    methods: methods.map((method) => method.trim()).filter((method) => method !== ''),
  };
}

/** A session inside a call of the client, for clients that reach this engine by gRPC only. */
export function sessionOver({ sessions }: { sessions: Sessions }): Method {
  return async function* (requests, { metadata, signal }) {
    const answers: Buffer[] = [];
    let wake = Promise.withResolvers<void>();
    let done: (() => void) | undefined;
    const incoming = requests[Symbol.asyncIterator]();
    const connection = new Duplex({
      read() {
        incoming.next().then(
          ({ value, done: over }) =>
            this.push(over === true ? null : Buffer.from(BytesMessage.decode(value).data)),
          () => this.destroy(),
        );
      },
      write(chunk: Buffer, _encoding, written) {
        answers.push(chunk);
        done = written;
        wake.resolve();
      },
    });
    signal.addEventListener('abort', () => connection.destroy(), { once: true });
    connection.once('close', () => wake.resolve());
    const over = sessions.open(connection, offerOf(metadata)).finally(() => connection.destroy());
    // Awaited below; until then a failure must not count as unhandled.
    over.catch(() => undefined);
    while (!connection.destroyed) {
      await wake.promise;
      wake = Promise.withResolvers();
      for (const data of answers.splice(0)) yield BytesMessage.encode({ data });
      done?.();
      done = undefined;
    }
    await over;
  };
}
