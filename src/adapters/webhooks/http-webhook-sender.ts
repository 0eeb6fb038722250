import { messageOf, unavailable } from '#base/errors.ts';
import type { WebhookSender } from '#ports/webhook-sender.ts';

const timeoutMs = 10_000;

/** Posts by fetch. What is answered besides the status is thrown away. */
export class HttpWebhookSender implements WebhookSender {
  async post(
    url: string,
    body: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<number> {
    try {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const answer = await fetch(url, { method: 'POST', body, headers, redirect: 'manual', signal: limited });
      await answer.body?.cancel();
      return answer.status;
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      throw unavailable('webhook-failed', `posting to '${new URL(url).origin}': ${messageOf(cause)}`, {
        cause,
      });
    }
  }
}
