import { readDirectives } from '#domain/dockerfile/directives.ts';
import { sourceOf } from '#domain/dockerfile/source.ts';
import { referenceOrUndefined } from '#domain/image/reference.ts';
import { unsupported } from '#base/errors.ts';

/** Docker's own frontends by the ends of their names: mirrors have them under other names of registries. */
const own = /(?:^|\/)docker\/dockerfile(?:-upstream)?$/;

/**
 * The line `# syntax=IMAGE` of a Dockerfile, or the argument BUILDKIT_SYNTAX, asks for a program that reads the file. Docker's own,
 * of whatever version, is what this engine is by itself.
 * @param file of which only the directives are read: another frontend may have another language
 * @throws unsupported `frontend-unsupported` for others; invalid `dockerfile-invalid` for directives that are none
 */
export function checkFrontend(file: { name: string; text: string }, given: string | undefined): void {
  const { directives } = readDirectives(sourceOf(file.name, file.text));
  const image = given ?? directives.syntax ?? '';
  if (image !== '' && !isDockerfile(image)) throw unknownFrontend(image);
}

/** Of a client that names a frontend by its image. @throws unsupported `frontend-unsupported` */
export function checkFrontendImage(image: string): void {
  if (!isDockerfile(image)) throw unknownFrontend(image);
}

function unknownFrontend(image: string): Error {
  return unsupported('frontend-unsupported', `the frontend '${image}' is not offered`, {
    hint: "the engine's own reads what docker/dockerfile does: leave out the line '# syntax=' (or BUILDKIT_SYNTAX)",
  });
}

function isDockerfile(image: string): boolean {
  return own.test(referenceOrUndefined(image)?.repository ?? '');
}
