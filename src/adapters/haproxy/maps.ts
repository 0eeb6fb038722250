import type { IngressTable, Listener, Rule } from '#domain/ingress/table.ts';
import { certificateListPath, certificatePath, mapPath, type HaproxyPaths } from './paths.ts';

/** A target that is no backend: `>` and the port of HTTPS. No backend's name begins so. */
export const redirectMark = '>';

/** Maps by path, each as lines KEY VALUE: which backend serves which host and path. */
export function mapTexts(table: IngressTable, paths: HaproxyPaths): Map<string, string> {
  const texts = new Map<string, string>();
  for (const listener of table.listeners) {
    const { port, mode, rules, passthrough } = listener;
    if (mode === 'http') {
      const split = (exact: boolean): Rule[] => rules.filter((one) => one.exact === exact);
      texts.set(mapPath(paths, port, 'prefix'), split(false).map(prefixLine).join(''));
      texts.set(mapPath(paths, port, 'exact'), split(true).map(exactLine).join(''));
    }
    const named = passthrough.map(({ host, backend }) => ({ host, value: backend }));
    const ended = mode === 'tcp' ? rules.map((one) => ({ host: one.host, value: valueOf(one) })) : [];
    const lines = [...named, ...ended].map(({ host, value }) => `${hostKey(host)} ${value}\n`);
    if (listener.tls) texts.set(mapPath(paths, port, 'sni'), lines.join(''));
  }
  return texts;
}

/** The path ends at a slash, and so does what is looked up: `/api` is not found in `/apix`. */
function prefixLine(rule: Rule): string {
  return `${hostKey(rule.host)}${rule.path === '/' ? '/' : `${rule.path}/`} ${valueOf(rule)}\n`;
}

function exactLine(rule: Rule): string {
  return `${hostKey(rule.host)}${rule.path} ${valueOf(rule)}\n`;
}

/** `*.example.com` is found as `.example.com`, when the first label of a host is taken away; any host as `*`. */
function hostKey(host: string): string {
  if (host === '') return '*';
  return host.startsWith('*.') ? host.slice(1) : host;
}

function valueOf({ target }: Rule): string {
  return 'backend' in target ? target.backend : `${redirectMark}${target.redirect}`;
}

/** A listener's certificates, one a line; the first is for clients that name no known host. */
export function certificateList(
  { hosts, port }: Listener,
  known: ReadonlySet<string>,
  paths: HaproxyPaths,
): { path: string; lines: string[] } {
  const lines = [...hosts].filter((host) => known.has(host)).map((host) => certificateLine(host, paths));
  return { path: certificateListPath(paths, port), lines: [certificatePath(paths, ''), ...lines] };
}

export function certificateLine(host: string, paths: HaproxyPaths): string {
  return `${certificatePath(paths, host)} ${host}`;
}
