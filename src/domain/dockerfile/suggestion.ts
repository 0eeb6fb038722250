import { nearest } from '#base/nearest.ts';

/** `did you mean 'RUN'?`, or undefined when nothing is near. */
export function suggestion(word: string, known: Iterable<string>): string | undefined {
  const candidate = nearest(word, known);
  return candidate === undefined ? undefined : `did you mean '${candidate}'?`;
}
