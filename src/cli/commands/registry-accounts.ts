import { invalid } from '#base/errors.ts';
import type {
  NewRegistryTokenAnswer,
  RegistryRight,
  RegistryTokenAnswer,
  RegistryTokenBody,
  RegistryUserAnswer,
  RegistryUserBody,
} from '#api/types/registry.ts';
import type { Context } from '#cli/context.ts';
import { timeWords } from '#cli/render/words.ts';
import { firstLine } from './given-files.ts';

const users = '/berth/v1/registry/users';
const tokens = '/berth/v1/registry/tokens';

export interface UserFlags {
  /** A file's path, `-` for standard input. */
  passwordFile?: string;
  grant?: string[];
}

export interface TokenFlags {
  name: string;
  days?: string;
  only: string[];
}

/** `berth registry users add`: a password never is an argument, which others on the machine could read. */
export async function addUser(context: Context, name: string, flags: UserFlags): Promise<void> {
  const { grant = [], passwordFile = '-' } = flags;
  const body: RegistryUserBody = {
    name,
    password: await firstLine(passwordFile),
    rights: grant.map(rightOf),
  };
  const client = await context.client();
  const made = await client.json<RegistryUserAnswer>({ method: 'POST', path: users, body });
  context.output.json(made);
  context.output.print(`${made.name} may ${rightsWords(made.rights)}`);
}

/** `berth registry users ls`. */
export async function listUsers({ client, output }: Context): Promise<void> {
  const all = await (await client()).json<RegistryUserAnswer[]>({ path: users });
  output.json(all);
  output.table(
    [
      ['NAME', 'RIGHTS', 'CREATED'],
      ...all.map(({ name, rights, created }) => [name, rightsWords(rights), timeWords(created)]),
    ],
    'No users: on this machine everybody may do everything.',
  );
}

/** `berth registry users passwd`. */
export async function changePassword(context: Context, name: string, flags: UserFlags): Promise<void> {
  const body = { password: await firstLine(flags.passwordFile ?? '-') };
  const client = await context.client();
  await client.text({ method: 'PUT', path: `${users}/${encodeURIComponent(name)}/password`, body });
  context.output.print(`the password of ${name} is another one now`);
}

/** `berth registry users grant` and `revoke`. */
export async function grantRight(
  context: Context,
  name: string,
  repositories: string,
  actions: string,
): Promise<void> {
  const body = { repositories, actions: wordsOf(actions) };
  const client = await context.client();
  const path = `${users}/${encodeURIComponent(name)}/rights`;
  const user = await client.json<RegistryUserAnswer>({ method: 'PUT', path, body });
  context.output.json(user);
  context.output.print(`${user.name} may ${rightsWords(user.rights)}`);
}

/** `berth registry users rm`. */
export async function removeUser(context: Context, name: string): Promise<void> {
  const client = await context.client();
  await client.text({ method: 'DELETE', path: `${users}/${encodeURIComponent(name)}` });
  context.output.print(name);
}

/** `berth registry tokens create`: the secret alone is the result, so that it can be piped. */
export async function createToken(context: Context, user: string, flags: TokenFlags): Promise<void> {
  const { name, days, only } = flags;
  if (days !== undefined && !/^\d{1,4}$/.test(days))
    throw invalid('number-invalid', `--days '${days}' is not a number of days`);
  const body: RegistryTokenBody = {
    ...{ user, name },
    ...(days !== undefined && { days: Number(days) }),
    ...(only.length > 0 && { rights: only.map(rightOf) }),
  };
  const client = await context.client();
  const made = await client.json<NewRegistryTokenAnswer>({ method: 'POST', path: tokens, body });
  context.output.json(made);
  context.output.print(made.secret);
  context.output.note(`It is shown this once. docker login with the user ${user} and it as the password.`);
}

/** `berth registry tokens ls`. */
export async function listTokens({ client, output }: Context): Promise<void> {
  const all = await (await client()).json<RegistryTokenAnswer[]>({ path: tokens });
  output.json(all);
  output.table(
    [
      ['ID', 'USER', 'NAME', 'ONLY', 'EXPIRES'],
      ...all.map(({ id, user, name, rights, expires }) => [
        id,
        user,
        name === '' ? '-' : name,
        rights === undefined ? '-' : rightsWords(rights),
        expires ?? '-',
      ]),
    ],
    'No tokens.',
  );
}

/** `berth registry tokens rm`. */
export async function removeToken(context: Context, id: string): Promise<void> {
  const client = await context.client();
  await client.text({ method: 'DELETE', path: `${tokens}/${encodeURIComponent(id)}` });
  context.output.print(id);
}

/** `team/**=pull,push`. */
function rightOf(text: string): { repositories: string; actions: string[] } {
  const at = text.indexOf('=');
  if (at > 0) return { repositories: text.slice(0, at), actions: wordsOf(text.slice(at + 1)) };
  throw invalid('registry-right-invalid', `'${text}' is not PATTERN=ACTIONS, such as team/**=pull,push`);
}

function wordsOf(text: string): string[] {
  return text.split(',').filter((word) => word !== '');
}

function rightsWords(rights: readonly RegistryRight[]): string {
  return (
    rights.map(({ repositories, actions }) => `${repositories}=${actions.join(',')}`).join(' ') || 'nothing'
  );
}
