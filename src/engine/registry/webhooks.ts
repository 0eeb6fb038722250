import { createHmac } from 'node:crypto';
import { messageOf, notFound } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import { checkWebhook, nextTry, wantsEvent, type Webhook } from '#domain/registry/webhook.ts';
import type { RegistryEvent } from '#engine/registry/parts.ts';
import type { Clock } from '#ports/clock.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';
import type { WebhookSender } from '#ports/webhook-sender.ts';

/** A message on its way. */
interface Delivery {
  hook: string;
  /** The exact text that is signed. */
  body: string;
}

export interface WebhookView extends Webhook {
  waiting: number;
  delivered: number;
  /** Given up after all tries, or pushed out of a full queue. */
  lost: number;
  problem?: string;
}

export interface WebhookParts {
  store: StateStore;
  clock: Clock;
  sender: WebhookSender;
  /** Of the secret with this name, as it is now. */
  secretValue: (name: string) => Promise<Uint8Array>;
}

interface Counts {
  delivered: number;
  lost: number;
  problem?: string;
}

/** Messages that wait for one webhook at most; the oldest go first. */
const longestQueue = 1000;

/**
 * Tells others what happened to content: one message after the other for each webhook, tried again with growing pauses,
 * in a bounded queue that survives a restart.
 */
export class Webhooks {
  readonly #parts: WebhookParts;
  readonly #stored: Collection<Webhook>;
  readonly #deliveries: Collection<Delivery>;
  readonly #hooks: Map<string, Webhook>;
  readonly #queues = new Map<string, string[]>();
  readonly #counts = new Map<string, Counts>();
  readonly #working = new Map<string, { stop: AbortController; over: Promise<void> }>();
  #isClosed = false;
  #last = 0;

  constructor(parts: WebhookParts) {
    this.#parts = parts;
    this.#stored = parts.store.collection<Webhook>('registry-webhooks');
    this.#deliveries = parts.store.collection<Delivery>('registry-deliveries');
    this.#hooks = new Map(this.#stored.entries());
  }

  /** Goes on with what waits since before. */
  start(): void {
    for (const [key, { hook }] of this.#deliveries.entries()) {
      this.#last = Math.max(this.#last, Number(key));
      if (this.#hooks.has(hook)) this.#enqueue(hook, key);
      else this.#deliveries.delete(key);
    }
  }

  list(): WebhookView[] {
    return [...this.#hooks.values()].map((hook) => {
      const waiting = this.#queues.get(hook.id)?.length ?? 0;
      return { ...hook, waiting, ...(this.#counts.get(hook.id) ?? { delivered: 0, lost: 0 }) };
    });
  }

  /** @throws invalid `registry-webhook-invalid`, `registry-pattern-invalid` */
  add(wanted: { url: string; events: string[]; repositories: string; secret?: string }): Webhook {
    const hook: Webhook = {
      id: newId().slice(0, 12),
      ...checkWebhook(wanted),
      ...(wanted.secret !== undefined && { secret: wanted.secret }),
      created: this.#parts.clock.timestamp(),
    };
    this.#stored.put(hook.id, hook);
    this.#hooks.set(hook.id, hook);
    return hook;
  }

  /** With what waits for it. @throws not-found `registry-webhook-missing` */
  remove(id: string): void {
    if (!this.#hooks.delete(id))
      throw notFound('registry-webhook-missing', `there is no webhook '${id}'`, {
        hint: 'berth registry webhooks ls',
      });
    this.#stored.delete(id);
    this.#working.get(id)?.stop.abort();
    for (const key of this.#queues.get(id) ?? []) this.#deliveries.delete(key);
    this.#queues.delete(id);
    this.#counts.delete(id);
  }

  /** The names of the secrets that webhooks need, with whose they are. */
  secretsInUse(): { secret: string; holder: string }[] {
    return [...this.#hooks.values()].flatMap(({ id, secret }) =>
      secret === undefined ? [] : [{ secret, holder: `the registry's webhook ${id}` }],
    );
  }

  /** A message that cannot be written down, on a full disk, is lost: what it tells of has happened all the same. */
  announce(event: RegistryEvent): void {
    for (const hook of this.#hooks.values()) {
      if (!wantsEvent(hook, event)) continue;
      const key = String(++this.#last).padStart(12, '0');
      const body = JSON.stringify({ events: [envelope(event, this.#parts.clock.timestamp())] });
      try {
        this.#deliveries.note(key, { hook: hook.id, body });
        this.#enqueue(hook.id, key);
      } catch (error) {
        this.#count(hook.id, { lost: 1, problem: messageOf(error) });
      }
    }
  }

  /** Nothing is sent any more; what waits is sent after the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const working = [...this.#working.values()];
    for (const { stop } of working) stop.abort();
    await Promise.all(working.map(({ over }) => over));
  }

  #enqueue(id: string, key: string): void {
    const queue = this.#queues.get(id) ?? [];
    this.#queues.set(id, queue);
    queue.push(key);
    if (queue.length > longestQueue) {
      // The first one may be on its way.
      const [oldest = ''] = queue.splice(1, 1);
      this.#deliveries.delete(oldest);
      this.#count(id, { lost: 1, problem: `more than ${longestQueue} messages waited` });
    }
    if (this.#isClosed || this.#working.has(id)) return;
    const stop = new AbortController();
    const over = this.#work(id, queue, stop.signal)
      // What cannot be taken off the queue is sent again with the next message.
      .catch((error: unknown) => this.#count(id, { problem: messageOf(error) }))
      .finally(() => {
        if (this.#working.get(id)?.stop === stop) this.#working.delete(id);
      });
    this.#working.set(id, { stop, over });
  }

  async #work(id: string, queue: string[], signal: AbortSignal): Promise<void> {
    for (let [key] = queue; key !== undefined; [key] = queue) {
      const delivery = this.#deliveries.get(key);
      if (delivery !== undefined && !(await this.#deliver(id, delivery.body, signal))) return;
      this.#deliveries.delete(key);
      queue.shift();
    }
  }

  /** False when it was told to stop. */
  async #deliver(id: string, body: string, signal: AbortSignal): Promise<boolean> {
    for (let failures = 1; ; failures++) {
      const problem = await this.#try(id, body, signal);
      if (signal.aborted) return false;
      if (problem === undefined) {
        this.#count(id, { delivered: 1 });
        return true;
      }
      const pause = nextTry(failures);
      this.#count(id, { lost: pause === undefined ? 1 : 0, problem });
      if (pause === undefined) return true;
      try {
        await this.#parts.clock.sleep(pause, signal);
      } catch {
        return false;
      }
    }
  }

  async #try(id: string, body: string, signal: AbortSignal): Promise<string | undefined> {
    const hook = this.#hooks.get(id);
    if (hook === undefined) return undefined;
    try {
      const headers = { 'content-type': 'application/json', ...(await this.#signature(hook, body)) };
      const status = await this.#parts.sender.post(hook.url, body, headers, signal);
      return status >= 200 && status < 300 ? undefined : `it was answered with the status ${status}`;
    } catch (error) {
      return messageOf(error);
    }
  }

  async #signature({ secret }: Webhook, body: string): Promise<Record<string, string>> {
    if (secret === undefined) return {};
    const key = await this.#parts.secretValue(secret);
    return { 'x-hub-signature-256': `sha256=${createHmac('sha256', key).update(body).digest('hex')}` };
  }

  #count(id: string, { delivered = 0, lost = 0, problem }: Partial<Counts>): void {
    const counts = this.#counts.get(id) ?? { delivered: 0, lost: 0 };
    this.#counts.set(id, {
      delivered: counts.delivered + delivered,
      lost: counts.lost + lost,
      ...(problem !== undefined && { problem }),
    });
  }
}

/** As the notifications of the registry that Docker made, so that what listens to those understands it. */
function envelope(
  { action, repository, digest, tag, mediaType, size, by }: RegistryEvent,
  timestamp: string,
): object {
  const target = { mediaType, size, digest, repository, tag };
  return { id: newId().slice(0, 32), timestamp, action, target, actor: { name: by } };
}
