import { endsTls } from './build-table.ts';
import type { IngressRoute, OwnCertificate } from './model.ts';

/** One host's certificate: who is to sign it. */
export interface WantedCertificate {
  host: string;
  mode: 'acme' | 'internal' | 'own';
  /** With mode own: its files. */
  own?: OwnCertificate;
}

const strength = { own: 2, acme: 1, internal: 0 } as const;

/** For each host with TLS one, the strongest that is asked for; and one ('') for clients that name no known host. */
export function wantedCertificates(routes: readonly IngressRoute[]): WantedCertificate[] {
  const wanted = new Map<string, WantedCertificate>();
  for (const route of routes) {
    if (!endsTls(route)) continue;
    if (!wanted.has('')) wanted.set('', { host: '', mode: 'internal' });
    const { host, tls, certificate } = route;
    if (tls === 'off' || tls === 'passthrough') continue;
    const known = wanted.get(host);
    if (known !== undefined && strength[known.mode] >= strength[tls]) continue;
    wanted.set(host, certificate === undefined ? { host, mode: tls } : { host, mode: tls, own: certificate });
  }
  return [...wanted.values()];
}

/** When two thirds of its life are over. Milliseconds since 1970. */
export function renewalTime({ notBefore, notAfter }: { notBefore: number; notAfter: number }): number {
  return notBefore + ((notAfter - notBefore) * 2) / 3;
}

const firstPauseMs = 60_000;
const longestPauseMs = 12 * 3_600_000;

/** After so many failures in a row; an authority such as Let's Encrypt allows five an hour. */
export function nextAttempt(now: number, failures: number): number {
  return now + Math.min(firstPauseMs * 4 ** (failures - 1), longestPauseMs);
}
