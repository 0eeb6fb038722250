import { resolve } from 'node:path';
import { BerthError, invalid } from '#base/errors.ts';
import type {
  RegistryCollectedAnswer,
  RegistryFindingAnswer,
  RegistryStartBody,
  RegistryStatusAnswer,
  RepositoryAnswer,
  TagAnswer,
} from '#api/types/registry.ts';
import type { Context } from '#cli/context.ts';
import { sizeWords, timeWords } from '#cli/render/words.ts';

const root = '/berth/v1/registry';

export interface StartFlags {
  address?: string;
  name: string[];
  tls?: string;
  tlsCert?: string;
  tlsKey?: string;
}

export interface CollectFlags {
  dryRun?: boolean;
  untagged?: boolean;
  grace?: string;
  uploadAge?: string;
}

const modes = ['auto', 'off', 'local', 'files', 'acme'] as const;

/** `berth registry start`. */
export async function startRegistry(context: Context, flags: StartFlags): Promise<void> {
  const { address, name, tls, tlsCert, tlsKey } = flags;
  const mode = modes.find((known) => known === tls);
  if (tls !== undefined && mode === undefined)
    throw invalid('registry-tls-invalid', `--tls '${tls}' is not one of ${modes.join(', ')}`);
  const body: RegistryStartBody = {
    ...(address !== undefined && { address }),
    ...(name.length > 0 && { names: name }),
    ...(mode !== undefined && { tls: mode }),
    ...(tlsCert !== undefined && { cert: resolve(tlsCert) }),
    ...(tlsKey !== undefined && { key: resolve(tlsKey) }),
  };
  const client = await context.client();
  show(context, await client.json<RegistryStatusAnswer>({ method: 'POST', path: `${root}/start`, body }));
}

/** `berth registry stop`. */
export async function stopRegistry(context: Context): Promise<void> {
  const client = await context.client();
  show(context, await client.json<RegistryStatusAnswer>({ method: 'POST', path: `${root}/stop` }));
}

/** `berth registry status`. */
export async function showRegistry(context: Context): Promise<void> {
  show(context, await (await context.client()).json<RegistryStatusAnswer>({ path: root }));
}

function show({ output }: Context, status: RegistryStatusAnswer): void {
  output.json(status);
  if (!status.running) output.print(`The registry is not served. It holds ${repositoryWords(status)}.`);
  if (status.problem !== undefined) output.note(troubleWords(status.problem, status.nextTry));
  if (!status.running) return;
  const scheme = status.tls === 'off' ? 'http' : 'https';
  output.print(`The registry is served on ${scheme}://${status.address} with ${repositoryWords(status)}.`);
  output.print(`This engine knows it as ${status.names.join(', ')}.`);
  if (status.tls === 'local') output.note('Clients elsewhere have to trust this machine: berth registry ca');
  if (status.open)
    output.note('Without users, everybody on this machine may do everything: berth registry users add NAME');
}

function troubleWords(problem: string, nextTry: string | undefined): string {
  return nextTry === undefined ? problem : `${problem} (tried again ${timeWords(nextTry)})`;
}

function repositoryWords({ repositories }: RegistryStatusAnswer): string {
  return repositories === 1 ? '1 repository' : `${repositories} repositories`;
}

/** `berth registry url`. */
export async function printUrl({ client, output }: Context): Promise<void> {
  const { names, address } = await (await client()).json<RegistryStatusAnswer>({ path: root });
  output.print(names[0] ?? address);
}

/** `berth registry ca`. */
export async function printAuthority({ client, output }: Context): Promise<void> {
  const { certificate } = await (await client()).json<{ certificate: string }>({ path: `${root}/ca` });
  output.print(certificate.trimEnd());
}

/** `berth registry ls`. */
export async function listRepositories({ client, output }: Context): Promise<void> {
  const repositories = await (await client()).json<RepositoryAnswer[]>({ path: `${root}/repositories` });
  output.json(repositories);
  output.table(
    [
      ['REPOSITORY', 'TAGS', 'MANIFESTS', 'SIZE', 'OWN', 'ROOM', 'MIRROR OF'],
      ...repositories.map(({ name, tags, manifests, size, own, room, upstream = '-' }) => [
        name,
        String(tags),
        String(manifests),
        sizeWords(size),
        sizeWords(own),
        room === undefined ? '-' : sizeWords(room),
        upstream,
      ]),
    ],
    'No repositories. docker push "$(berth registry url)/NAME:TAG" makes one.',
  );
}

/** `berth registry tags`. */
export async function listTags({ client, output }: Context, repository: string): Promise<void> {
  const tags = await (await client()).json<TagAnswer[]>({ path: `${root}/tags`, query: { repository } });
  output.json(tags);
  output.table(
    [
      ['TAG', 'DIGEST', 'SIZE', 'PUSHED', 'BY', 'PULLED'],
      ...tags.map(({ tag, digest, size, pushed, by, pulled, isImmutable }) => [
        isImmutable ? `${tag} (immutable)` : tag,
        digest.slice(0, 19),
        sizeWords(size),
        timeWords(pushed),
        by === '' ? '-' : by,
        pulled === undefined ? '-' : timeWords(pulled),
      ]),
    ],
    'No tags.',
  );
}

/** `berth registry rm`. */
export async function removeContent(context: Context, names: readonly string[]): Promise<void> {
  const client = await context.client();
  for (const name of names) {
    const [, repository, digest, tag] = /^([^@:]+)(?:@(.+)|:([^:@]+))$/.exec(name) ?? [];
    const reference = digest ?? tag;
    if (repository === undefined || reference === undefined)
      throw invalid('registry-name-invalid', `'${name}' is not REPOSITORY:TAG or REPOSITORY@DIGEST`);
    await client.text({ method: 'DELETE', path: `${root}/content`, query: { repository, reference } });
    context.output.json({ removed: name });
    context.output.print(name);
  }
}

/** `berth registry gc`. */
export async function collectGarbage({ client, output }: Context, flags: CollectFlags): Promise<void> {
  const { dryRun = false, untagged = false, grace, uploadAge } = flags;
  const body = {
    ...{ dryRun, untagged },
    ...(grace !== undefined && { grace: seconds('--grace', grace) }),
    ...(uploadAge !== undefined && { uploadAge: seconds('--upload-age', uploadAge) }),
  };
  const path = `${root}/gc`;
  const gone = await (await client()).json<RegistryCollectedAnswer>({ method: 'POST', path, body });
  output.json(gone);
  for (const { repository, tag, why } of gone.tags) output.print(`tag       ${repository}:${tag} (${why})`);
  for (const { repository, digest } of gone.manifests) output.print(`manifest  ${repository}@${digest}`);
  for (const { repository, digest, size } of gone.blobs)
    output.print(`blob      ${repository}@${digest} ${sizeWords(size)}`);
  const bytes = gone.blobs.reduce((sum, { size }) => sum + size, 0);
  const verb = dryRun ? 'would go' : 'went';
  output.print(
    `${gone.tags.length} tags, ${gone.manifests.length} manifests, ${gone.blobs.length} blobs (at most ` +
      `${sizeWords(bytes)}) and ${gone.uploads} uploads ${verb}`,
  );
}

function seconds(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw invalid('number-invalid', `${flag} '${text}' is not a number of seconds`);
}

/** `berth registry verify`: fails when something stays damaged. */
export async function verifyRegistry({ client, output }: Context): Promise<void> {
  let bad = 0;
  const path = `${root}/verify`;
  for await (const finding of (await client()).lines<RegistryFindingAnswer>({ method: 'POST', path })) {
    output.json(finding);
    if (finding.kind === 'progress') {
      output.note(`${finding.blobs} blobs, ${sizeWords(finding.bytes)}`);
      continue;
    }
    const { kind, digest, repositories, repairedFrom, problem = '' } = finding;
    const used = repositories.length === 0 ? 'no repository' : repositories.join(', ');
    if (repairedFrom === undefined) bad += 1;
    const end = repairedFrom === undefined ? problem : `repaired from ${repairedFrom}`;
    output.print(`${kind}  ${digest} of ${used}: ${end}`);
  }
  if (bad > 0)
    throw new BerthError('conflict', 'registry-damaged', `${bad} blobs are damaged or missing`, {
      hint: 'push the images that name them again; damaged content is kept in blobs/damaged of the root folder',
    });
  output.print('Everything is whole.');
}
