import { formatReference, parseReference } from '#domain/image/reference.ts';
import { BerthError } from '#base/errors.ts';

/**
 * Which of the contexts that a client named (`--build-context NAME=...`) stands for a name in FROM, `COPY --from`
 * or `RUN --mount=from`: the same name, or the same image, so that `app`, `app:latest` and
 * `docker.io/library/app` are one. `scratch` and `context` stand for themselves.
 */
export function contextFor(name: string, contexts: readonly string[]): string | undefined {
  if (['scratch', 'context'].includes(name.toLowerCase())) return undefined;
  return contexts.find((each) => each === name) ?? contexts.find((each) => imageOf(each) === imageOf(name));
}

function imageOf(name: string): string {
  try {
    return formatReference(parseReference(name.toLowerCase()));
  } catch (error) {
    if (error instanceof BerthError) return name;
    throw error;
  }
}
