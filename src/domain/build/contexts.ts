import { matchesPlatform, parsePlatform } from '#domain/image/platform.ts';
import { formatReference, referenceOrUndefined } from '#domain/image/reference.ts';

/** Between the name of a context and the platform that it holds for: `base::linux/arm64`. */
const mark = '::';

/** Those of the contexts that a client named which hold for a platform (`linux/amd64`). */
export function contextsFor(contexts: readonly string[], platform: string): string[] {
  const host = { os: 'linux', architecture: '' };
  return contexts.filter((each) => {
    const [, only] = each.split(mark);
    return only === undefined || matchesPlatform(parsePlatform(only, host), parsePlatform(platform, host));
  });
}

/**
 * Which of the contexts that a client named (`--build-context NAME=...`) stands for a name in FROM, `COPY --from`
 * or `RUN --mount=from`: the same name, or the same image, so that `app`, `app:latest` and
 * `docker.io/library/app` are one. `scratch` and `context` stand for themselves.
 * @param contexts of the platform; those that are only for it go first
 */
export function contextFor(name: string, contexts: readonly string[]): string | undefined {
  if (['scratch', 'context'].includes(name.toLowerCase())) return undefined;
  const plain = (each: string): string => each.split(mark)[0] ?? each;
  const ordered = [...contexts].sort(
    (one, other) => Number(other.includes(mark)) - Number(one.includes(mark)),
  );
  return (
    ordered.find((each) => plain(each) === name) ??
    ordered.find((each) => imageOf(plain(each)) === imageOf(name))
  );
}

function imageOf(name: string): string {
  const reference = referenceOrUndefined(name.toLowerCase());
  return reference === undefined ? name : formatReference(reference);
}
