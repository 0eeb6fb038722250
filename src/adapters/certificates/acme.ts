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
    const { directory, accountKey, email, host, answer } = order;
    const { acme } = await import('./acme-library.ts');
    const client = new acme.Client({
      directoryUrl: directory,
      accountKey,
      backoffAttempts: pause.attempts,
      backoffMin: pause.min,
      backoffMax: pause.max,
    });
    const [key, csr] = await acme.crypto.createCsr(
      { altNames: [host] },
      await acme.crypto.createPrivateEcdsaKey(),
    );
    try {
      const chain = await client.auto({
        csr,
        ...(email === '' ? {} : { email }),
        termsOfServiceAgreed: true,
        challengePriority: ['http-01'],
        // Whether the host is reached from here tells nothing about whether the authority reaches it.
        skipChallengeVerification: true,
        challengeCreateFn: (_authorization, { token }, text) => answer(pathOf(token), text),
        challengeRemoveFn: (_authorization, { token }) => answer(pathOf(token), undefined),
      });
      return describe(`${chain.trim()}\n${String(key).trim()}\n`);
    } catch (error) {
      throw unavailable('acme-failed', `no certificate for ${host} from ${directory}: ${messageOf(error)}`, {
        cause: error,
        hint: `the authority must reach http://${host} on port 80 of this machine`,
      });
    }
  }
}

function pathOf(token: string): string {
  return `/.well-known/acme-challenge/${token}`;
}
