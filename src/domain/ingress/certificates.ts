import { conflict } from '#base/errors.ts';
import { endsTls } from './build-table.ts';
import { nameOf } from './check-routes.ts';
import type { IngressRoute, OwnCertificate } from './model.ts';

/** One host's certificate: who is to sign it. */
export interface WantedCertificate {
  host: string;
  mode: 'acme' | 'internal' | 'own';
  /** With mode own. */
  own?: OwnCertificate;
}

const strength = { own: 2, acme: 1, internal: 0 } as const;

/** For each host with TLS one, the strongest that is asked for; and one ('') for clients that name no known host. */
export function wantedCertificates(routes: readonly IngressRoute[]): WantedCertificate[] {
  const chosen = [...strongest(routes).values()].map(wishOf);
  const isComplete = chosen.length === 0 || chosen.some(({ host }) => host === '');
  return isComplete ? chosen : [{ host: '', mode: 'internal' }, ...chosen];
}

/**
 * A host has one certificate, which no app takes from another.
 * @throws conflict `ingress-certificate-conflict` that names both who ask
 */
export function checkCertificates(mine: readonly IngressRoute[], others: readonly IngressRoute[]): void {
  for (const route of mine.filter((one) => endsTls(one))) {
    const other = others.find((one) => endsTls(one) && one.host === route.host && !isSameWish(one, route));
    if (other === undefined) continue;
    throw conflict(
      'ingress-certificate-conflict',
      `${hostWords(route)} can have one certificate, but ${nameOf(other)} asks for one by tls: ${other.tls}, and ${nameOf(route)} for another by tls: ${route.tls}`,
      { hint: 'let both ask for the same, or give one another host' },
    );
  }
}

/** In words where a host is offered another certificate than one of an app's own routes asks for. */
export function displacedCertificates(routes: readonly IngressRoute[]): string[] {
  const chosen = strongest(routes);
  const notes = routes.flatMap((route) => {
    const holder = chosen.get(route.host);
    if (!endsTls(route) || holder === undefined || isSameWish(holder, route)) return [];
    return `${hostWords(route)} is offered the certificate that ${nameOf(holder)} asks for (tls: ${holder.tls}), not that of ${nameOf(route)} (tls: ${route.tls}): a host has one`;
  });
  return [...new Set(notes)];
}

function hostWords({ host }: IngressRoute): string {
  return host === '' ? 'any host' : host;
}

/** By host. Between equals the name decides, so that it is the same one after each start. */
function strongest(routes: readonly IngressRoute[]): Map<string, IngressRoute> {
  const chosen = new Map<string, IngressRoute>();
  for (const route of routes.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))) {
    if (!endsTls(route)) continue;
    const known = chosen.get(route.host);
    if (known === undefined || strength[wishOf(known).mode] < strength[wishOf(route).mode])
      chosen.set(route.host, route);
  }
  return chosen;
}

function wishOf({ host, tls, certificate }: IngressRoute): WantedCertificate {
  const mode = tls === 'own' || tls === 'acme' ? tls : 'internal';
  return certificate === undefined ? { host, mode } : { host, mode, own: certificate };
}

function isSameWish(one: IngressRoute, other: IngressRoute): boolean {
  const text = (route: IngressRoute): string => JSON.stringify([wishOf(route).mode, sourceOf(route)]);
  return text(one) === text(other);
}

/** Apps get a newer version of a secret one after the other: that makes no other source of it. */
function sourceOf({ app, certificate: own }: IngressRoute): unknown {
  if (own === undefined || 'cert' in own) return own;
  return [own.certificate, own.key].map(({ secret, stored }) => stored?.key ?? `${app}/${secret}`);
}

/** What clients will not like about a certificate that was brought along, in words. */
export function certificateFlaws(
  { names, notBefore, notAfter }: { names: readonly string[]; notBefore: number; notAfter: number },
  host: string,
  now: number,
): string[] {
  const day = (time: number): string => new Date(time).toISOString().slice(0, 10);
  const isFor = (name: string): boolean =>
    name.toLowerCase() === host || (name.startsWith('*.') && wildcardOf(host) === name.toLowerCase());
  return [
    ...(notAfter <= now ? [`it has expired on ${day(notAfter)}`] : []),
    ...(notBefore > now ? [`it is not valid before ${day(notBefore)}`] : []),
    ...(host === '' || names.some(isFor)
      ? []
      : [`it is for ${names.length === 0 ? 'no host at all' : names.join(', ')}, not for ${host}`]),
  ];
}

/** The one that stands for the host. */
function wildcardOf(host: string): string {
  return `*${host.slice(host.indexOf('.'))}`;
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
