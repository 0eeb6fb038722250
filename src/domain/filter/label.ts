import { own } from '#base/own.ts';

/** Whether labels satisfy a filter of Docker's clients: `KEY` or `KEY=VALUE`. */
export function hasLabel(labels: Readonly<Record<string, string>>, filter: string): boolean {
  const at = filter.indexOf('=');
  if (at < 0) return Object.hasOwn(labels, filter);
  return own(labels, filter.slice(0, at)) === filter.slice(at + 1);
}
