import type { AppStreamEvent } from '#api/types/apps.ts';
import type { WatchStreamEvent } from '#api/types/watch.ts';
import { indented } from './report.ts';

type Shown = Exclude<WatchStreamEvent, AppStreamEvent>;

/** What happened while files are followed, as a line (or more). @param short a path as it is shown */
export function watchText(event: Shown, short: (path: string) => string): string {
  switch (event.type) {
    case 'watching':
      return `${event.service}: watching ${short(event.path) || '.'} (${event.action})`;
    case 'copied':
      return `${event.service}: ${copiedWords(event, short)}`;
    case 'rebuilding':
      return `${event.service}: rebuilding`;
    case 'rebuilt':
      return `${event.service}: rebuilt`;
    case 'restarted':
      return `${event.service}: restarted ${count(event.replicas, 'replica')}`;
    case 'executed': {
      const line = `${event.service}: ran '${event.command.join(' ')}' in ${event.container}`;
      return event.output === '' ? line : `${line}\n${indented(event.output)}`;
    }
    case 'problem':
      return `problem: ${event.service === undefined ? '' : `${event.service}: `}${event.message}`;
  }
}

function copiedWords(event: Extract<Shown, { type: 'copied' }>, short: (path: string) => string): string {
  const { copied, removed, replicas, paths } = event;
  const done = [
    ...(copied > 0 ? [`copied ${count(copied, 'file')}`] : []),
    ...(removed > 0 ? [`removed ${removed}`] : []),
  ].join(', ');
  const names = paths.map(short).join(', ');
  const more = copied > paths.length ? `, and ${copied - paths.length} more` : '';
  return `${done} in ${count(replicas, 'replica')}${names === '' ? '' : `: ${names}${more}`}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
