import { invalid } from '#base/errors.ts';

/** A word of EXPOSE, taken apart. */
export interface ExposedRange {
  first: number;
  last: number;
  /** As it is written; `tcp` without one. */
  protocol: string;
  /** An address or a port of the host stands before it, which EXPOSE does not heed. */
  hasHost: boolean;
}

/**
 * Ports as EXPOSE writes them (`80`, `53/udp`, `8000-8002`) as keys of ExposedPorts, in order.
 * @throws invalid `port-invalid`
 */
export function exposedPorts(words: string[]): string[] {
  return words
    .map(parseExposed)
    .flatMap(({ first, last, protocol }) =>
      Array.from({ length: last - first + 1 }, (_, i) => `${first + i}/${protocol.toLowerCase()}`),
    );
}

/** @throws invalid `port-invalid` */
export function parseExposed(word: string): ExposedRange {
  const colon = word.lastIndexOf(':');
  const [, from = '', to = from, protocol = 'tcp'] =
    /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp)?)?$/i.exec(word.slice(colon + 1)) ?? [];
  const first = Number(from);
  const last = Number(to);
  if (from === '' || last > 65535 || last < first || !isHost(word.slice(0, Math.max(0, colon)), last - first))
    throw invalid(
      'port-invalid',
      `invalid containerPort: ${word}: required is PORT[-PORT][/tcp|udp|sctp] from 1 to 65535`,
    );
  return { first, last, protocol, hasHost: colon > 0 };
}

// What stands before the port counts for nothing, but must be right: `[ADDRESS:]PORT[-PORT]`.
function isHost(text: string, span: number): boolean {
  if (text === '') return true;
  const [, address = '', from = '', to = from] = /^(?:(.*):)?(?:(\d+)(?:-(\d+))?)?$/.exec(text) ?? [text];
  if (address !== '' && !/^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/i.test(address)) return false;
  if (from === '') return address !== '';
  const width = Number(to) - Number(from);
  return Number(to) <= 65535 && width >= 0 && (width === span || span === 0);
}
