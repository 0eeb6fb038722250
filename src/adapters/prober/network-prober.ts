import { messageOf } from '#base/errors.ts';
import type { Look, Prober } from '#ports/prober.ts';
import { grpcLook } from './grpc.ts';
import { httpLook } from './http.ts';
import { tcpLook } from './tcp.ts';

/** One look each; `signal` ends it at any time. */
export type Found = Promise<{ success: boolean; output: string }>;

export class NetworkProber implements Prober {
  async look({ address, action, timeout, signal }: Look): Found {
    const timeUp = AbortSignal.timeout(timeout);
    const either = AbortSignal.any([signal, timeUp]);
    try {
      if (action.kind === 'http') return await httpLook(address, action, either);
      if (action.kind === 'grpc') return await grpcLook(address, action, either);
      return await tcpLook(address, action.port, either);
    } catch (error) {
      signal.throwIfAborted();
      const output = timeUp.aborted ? `no answer within ${timeout} ms` : messageOf(error);
      return { success: false, output };
    }
  }
}
