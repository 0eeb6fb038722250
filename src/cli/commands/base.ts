import { BerthError, invalid } from '#base/errors.ts';
import type {
  BaseAnswer,
  ShownBaseAnswer,
  SigningKeyAnswer,
  VerifyAnswer,
  VerifyBody,
} from '#api/types/bases.ts';
import type { Context } from '#cli/context.ts';
import { DockerConfig } from '#cli/registry/docker-config.ts';
import { encodeCredentials } from '#cli/registry/encode-credentials.ts';
import { registryOfImage } from '#cli/registry/server-names.ts';
import { timeWords } from '#cli/render/words.ts';
import { fileContent } from './given-files.ts';

export interface VerifyOptions {
  /** A file with a public key. */
  key?: string;
}

export interface SbomOptions {
  format: string;
}

const registry = 'debian.berth';

export async function listBases({ client, output }: Context): Promise<void> {
  const bases = await (await client()).json<BaseAnswer[]>({ path: '/berth/v1/bases' });
  output.json(bases);
  const rows = bases.flatMap(({ name, summary, images }) =>
    images.length === 0
      ? [[name, '-', '-', '-', summary]]
      : images.map(({ tags, version, size }) => [
          name,
          tagsOf(tags, name).join(','),
          version,
          sizeWords(size),
          summary,
        ]),
  );
  output.table([['NAME', 'TAGS HERE', 'VERSION', 'SIZE', 'FOR'], ...rows]);
  output.note(`Any of them: docker pull ${registry}/NAME, with a version or a Debian suite as the tag.`);
}

function tagsOf(tags: readonly string[], name: string): string[] {
  const start = `${registry}/${name}:`;
  return tags.filter((tag) => tag.startsWith(start)).map((tag) => tag.slice(start.length));
}

/** As docker images says it. */
function sizeWords(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export async function showBase({ client, output }: Context, image: string): Promise<void> {
  const shown = await (
    await client()
  ).json<ShownBaseAnswer>({ path: '/berth/v1/bases/show', query: { image } });
  output.json(shown);
  if (shown.summary !== '') output.print(`${shown.name}: ${shown.summary}`);
  if (shown.packages.length > 0) output.print(`Debian packages: ${shown.packages.join(', ')}`);
  if (shown.images.length === 0)
    output.print(`Not made here yet: docker pull ${registry}/${shown.name} makes it`);
  for (const one of shown.images) {
    output.print();
    output.table([
      ['tags', one.tags.join(' ') || '-'],
      ['digest', one.digest],
      ...(one.version === '' ? [] : [['version', `${one.version} (${one.suite})`]]),
      ['size', sizeWords(one.size)],
      ['user', one.user === '' ? 'root' : one.user],
      ['made', timeWords(one.stored)],
      ...(one.parent === '' ? [] : [['built upon', one.parent]]),
      ...one.attached.map(({ type, predicate, digest }) => [
        'attached',
        `${predicate ?? type} ${digest.slice(0, 19)}`,
      ]),
      ['packages', String(one.installed.length)],
    ]);
    for (const { name, version } of one.installed) output.print(`  ${name} ${version}`);
  }
}

/** @throws conflict `signature-invalid` */
export async function verifyBase(context: Context, image: string, { key }: VerifyOptions): Promise<void> {
  const { output } = context;
  const answer =
    key === undefined ? await ownSignature(context, image) : await signatureBy(context, image, key);
  output.json(answer);
  if (answer.problem !== undefined)
    throw new BerthError(
      'conflict',
      'signature-invalid',
      `the image '${image}' (${answer.digest}): ${answer.problem}`,
      {
        hint: 'remove it and pull it again; berth base key prints the key of this installation',
      },
    );
  output.print(
    `${image} is as ${key === undefined ? 'this installation' : 'the holder of the key'} signed it`,
  );
  output.print(`  digest  ${answer.digest}`);
  output.print(`  key     sha256:${answer.key}`);
}

async function ownSignature({ client }: Context, image: string): Promise<VerifyAnswer> {
  return (await client()).json<VerifyAnswer>({ path: '/berth/v1/bases/verify', query: { image } });
}

/** In its registry, with the credentials of whoever asks. */
async function signatureBy({ client, program }: Context, image: string, file: string): Promise<VerifyAnswer> {
  const body: VerifyBody = { image, key: (await fileContent(file)).toString('utf8') };
  const credentials = await (await DockerConfig.read(program.environment)).get(registryOfImage(image));
  const headers = { 'x-registry-auth': encodeCredentials(credentials ?? {}) };
  const path = '/berth/v1/bases/verify';
  return (await client()).json<VerifyAnswer>({ method: 'POST', path, body, headers });
}

export async function printKey({ client, output }: Context): Promise<void> {
  const answer = await (await client()).json<SigningKeyAnswer>({ path: '/berth/v1/bases/key' });
  output.json(answer);
  output.print(answer.publicKey.trimEnd());
}

/** @throws invalid `sbom-format` */
export async function printSbom(
  { client, output }: Context,
  image: string,
  { format }: SbomOptions,
): Promise<void> {
  if (format !== 'spdx' && format !== 'cyclonedx')
    throw invalid('sbom-format', `--format: '${format}' is neither spdx nor cyclonedx`);
  const bill = await (await client()).json<object>({ path: '/berth/v1/sbom', query: { image, format } });
  output.json(bill);
  output.print(JSON.stringify(bill, undefined, 2));
}
