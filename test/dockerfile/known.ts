import type { Question } from './oracle.ts';

/** What Berth refuses and BuildKit takes, on purpose: each would be ignored, or fail later and less clearly. */
const stricter = [
  /(?:RUN|CMD|ENTRYPOINT) requires at least one argument/,
  // ARG and STOPSIGNAL leave their flags out in silence.
  /unknown flag/,
  /HEALTHCHECK NONE takes no arguments/,
  // Said later there, when the stages are known.
  /'--from' doesn't support variable expansion/,
  // There the part of a word before a substitution is lost.
  /unterminated heredoc '.*\$\{/,
  // There an empty file.
  /has no text/,
  /--device is not supported/,
];

export function isStricter({ kind, text }: Question, message: string): boolean {
  if (kind !== 'parse') return false;
  // There a trigger is read when the image is built upon only.
  return /onbuild/i.test(text) || stricter.some((pattern) => pattern.test(message));
}
