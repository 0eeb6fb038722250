import type { ImmutableTagsBody, QuotaAnswer, QuotaBody } from '#api/types/registry.ts';
import type { Context } from '#cli/context.ts';
import { sizeWords } from '#cli/render/words.ts';

const quotas = '/berth/v1/registry/quotas';
const immutable = '/berth/v1/registry/immutable';

export interface QuotaFlags {
  together?: boolean;
}

export interface TagFlags {
  tags: string;
}

/** `berth registry quotas set`. */
export async function setQuota(
  context: Context,
  repositories: string,
  limit: string,
  flags: QuotaFlags,
): Promise<void> {
  const body: QuotaBody = { repositories, limit, scope: scopeOf(flags) };
  const client = await context.client();
  const quota = await client.json<QuotaAnswer>({ method: 'PUT', path: quotas, body });
  context.output.json(quota);
  context.output.print(`${quota.repositories}: ${quotaWords(quota)}`);
}

/** `berth registry quotas ls`. */
export async function listQuotas({ client, output }: Context): Promise<void> {
  const all = await (await client()).json<QuotaAnswer[]>({ path: quotas });
  output.json(all);
  output.table(
    [['REPOSITORIES', 'MAY HOLD'], ...all.map((quota) => [quota.repositories, quotaWords(quota)])],
    'No quotas.',
  );
}

/** `berth registry quotas rm`. */
export async function removeQuota(context: Context, repositories: string, flags: QuotaFlags): Promise<void> {
  const client = await context.client();
  await client.text({ method: 'DELETE', path: quotas, query: { repositories, scope: scopeOf(flags) } });
  context.output.print(repositories);
}

function scopeOf({ together = false }: QuotaFlags): QuotaAnswer['scope'] {
  return together ? 'all' : 'each';
}

function quotaWords({ limit, scope }: QuotaAnswer): string {
  return `${limitWords(limit)} ${scope === 'each' ? 'each' : 'together'}`;
}

/** As it was given, which is by powers of 1024. */
function limitWords(limit: number): string {
  const units: [bytes: number, name: string][] = [
    [1024 ** 4, 'TiB'],
    [1024 ** 3, 'GiB'],
    [1024 ** 2, 'MiB'],
    [1024, 'KiB'],
  ];
  const [bytes, name] = units.find(([unit]) => limit % unit === 0) ?? [];
  return bytes === undefined ? sizeWords(limit) : `${limit / bytes} ${name ?? ''}`;
}

/** `berth registry immutable set`. */
export async function setImmutable(
  context: Context,
  repositories: string,
  { tags }: TagFlags,
): Promise<void> {
  const body: ImmutableTagsBody = { repositories, tags };
  const client = await context.client();
  context.output.json(await client.json<ImmutableTagsBody>({ method: 'PUT', path: immutable, body }));
  context.output.print(`${repositories}: tags ${tags} stay as they are`);
}

/** `berth registry immutable ls`. */
export async function listImmutable({ client, output }: Context): Promise<void> {
  const all = await (await client()).json<ImmutableTagsBody[]>({ path: immutable });
  output.json(all);
  output.table(
    [['REPOSITORIES', 'TAGS'], ...all.map(({ repositories, tags }) => [repositories, tags])],
    'No immutable tags: a push moves a tag to what it brings.',
  );
}

/** `berth registry immutable rm`. */
export async function removeImmutable(
  context: Context,
  repositories: string,
  { tags }: TagFlags,
): Promise<void> {
  const client = await context.client();
  await client.text({ method: 'DELETE', path: immutable, query: { repositories, tags } });
  context.output.print(`${repositories} (tags ${tags})`);
}
