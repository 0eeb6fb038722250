import { unlessAborted } from '#base/abort.ts';
import { messageOf, unavailable } from '#base/errors.ts';
import type { AcmeAuthority, AcmeOrder, Certificate } from '#ports/certificates.ts';
import { describe } from './certificate-files.ts';

/** How long an authority may take between its checks, in milliseconds. */
const pause = { min: 200, max: 15_000, attempts: 12 };

/** RFC 8555 with the challenge by HTTP (section 8.3). */
export class AcmeClientAuthority implements AcmeAuthority {
  async createKey(): Promise<string> {
    const { acme } = await import('./acme-library.ts');
    return String(await acme.crypto.createPrivateEcdsaKey());
  }

  async issue(order: AcmeOrder): Promise<Certificate> {
    const { directory, accountKey, email, hosts, signal } = order;
    const { acme } = await import('./acme-library.ts');
    const client = new acme.Client({
      directoryUrl: directory,
      accountKey,
      backoffAttempts: pause.attempts,
      backoffMin: pause.min,
      backoffMax: pause.max,
    });
    const [key, csr] = await acme.crypto.createCsr(
      { altNames: [...hosts] },
      await acme.crypto.createPrivateEcdsaKey(),
    );
    const answers = new Answers(order);
    try {
      const chain = await unlessAborted(
        client.auto({
          csr,
          ...(email === '' ? {} : { email }),
          termsOfServiceAgreed: true,
          challengePriority: ['http-01'],
          // Whether a host is reached from here tells nothing about whether the authority reaches it.
          skipChallengeVerification: true,
          challengeCreateFn: (_authorization, { token }, text) => answers.give(pathOf(token), text),
          challengeRemoveFn: (_authorization, { token }) => answers.take(pathOf(token)),
        }),
        signal,
      );
      return describe(`${chain.trim()}\n${String(key).trim()}\n`);
    } catch (error) {
      signal.throwIfAborted();
      throw failed(order, error);
    } finally {
      await answers.takeAll();
    }
  }
}

/** What is answered for an order. The library goes on for a while with one that was given up. */
class Answers {
  readonly #order: Pick<AcmeOrder, 'answer' | 'signal'>;
  readonly #paths = new Set<string>();

  constructor(order: Pick<AcmeOrder, 'answer' | 'signal'>) {
    this.#order = order;
  }

  async give(path: string, text: string): Promise<void> {
    this.#order.signal.throwIfAborted();
    this.#paths.add(path);
    await this.#order.answer(path, text);
  }

  async take(path: string): Promise<void> {
    if (this.#paths.delete(path)) await this.#order.answer(path, undefined);
  }

  async takeAll(): Promise<void> {
    for (const path of [...this.#paths]) await this.take(path);
  }
}

function failed({ directory, hosts }: AcmeOrder, error: unknown): Error {
  const sites = hosts.map((host) => `http://${host}`).join(' and ');
  return unavailable(
    'acme-failed',
    `no certificate for ${hosts.join(', ')} from ${directory}: ${messageOf(error)}`,
    { cause: error, hint: `the authority must reach ${sites} on port 80 of this machine` },
  );
}

function pathOf(token: string): string {
  return `/.well-known/acme-challenge/${token}`;
}
