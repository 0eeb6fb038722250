import { invalid } from '#base/errors.ts';

/**
 * Ports as EXPOSE writes them (`80`, `53/udp`, `8000-8002`) as keys of ExposedPorts, in order.
 * @throws invalid `port-invalid`
 */
export function exposedPorts(words: string[]): string[] {
  return words.flatMap((word) => {
    const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(word);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? first);
    if (match === null || first < 1 || last > 65535 || last < first)
      throw invalid(
        'port-invalid',
        `invalid containerPort: ${word}: required is PORT[-PORT][/tcp|udp|sctp] from 1 to 65535`,
      );
    const protocol = (match[3] ?? 'tcp').toLowerCase();
    return Array.from({ length: last - first + 1 }, (_, i) => `${first + i}/${protocol}`);
  });
}
