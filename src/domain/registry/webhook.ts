import { invalid } from '#base/errors.ts';
import { checkPattern, matchesPattern } from './names.ts';

const webhookEvents = ['push', 'pull', 'delete'] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

export interface Webhook {
  id: string;
  url: string;
  events: WebhookEvent[];
  /** Pattern of repositories. */
  repositories: string;
  /** Name of the secret that deliveries are signed with; absent: they are not signed. */
  secret?: string;
  /** RFC 3339. */
  created: string;
}

/** @throws invalid `registry-webhook-invalid`, `registry-pattern-invalid` */
export function checkWebhook(hook: { url: string; events: string[]; repositories: string }): {
  url: string;
  events: WebhookEvent[];
  repositories: string;
} {
  const events = [...new Set(hook.events)].map((word) => {
    const event = webhookEvents.find((known) => known === word);
    if (event !== undefined) return event;
    throw invalid('registry-webhook-invalid', `'${word}' is not one of ${webhookEvents.join(', ')}`);
  });
  if (!/^https?:\/\/[^\s/@]+(\/\S*)?$/.test(hook.url) || hook.url.length > 2000)
    throw invalid(
      'registry-webhook-invalid',
      `'${hook.url.slice(0, 200).replace(/\/\/[^/]*@/, '//***@')}' is not an http or https URL without a user`,
    );
  return { url: hook.url, events, repositories: checkPattern(hook.repositories) };
}

export function wantsEvent(hook: Webhook, event: { action: WebhookEvent; repository: string }): boolean {
  return hook.events.includes(event.action) && matchesPattern(hook.repositories, event.repository);
}

/** Milliseconds before a delivery is tried again after so many failures; undefined: it is given up. */
export function nextTry(failures: number): number | undefined {
  return [1000, 5000, 30_000, 120_000, 600_000, 3_600_000][failures - 1];
}
