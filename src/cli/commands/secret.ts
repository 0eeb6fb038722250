import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { invalid, messageOf } from '#base/errors.ts';
import type {
  RotateKeyAnswer,
  SecretsAnswer,
  SecretVersionAnswer,
  SetSecretAnswer,
  SetSecretBody,
} from '#api/types/secrets.ts';
import type { Context } from '#cli/context.ts';
import { rendererFor } from '#cli/render/renderer.ts';
import { AppApi, follow, interruption } from './app-api.ts';

export interface SetOptions {
  app?: string;
  fromFile?: string;
  fromEnv?: string;
  restart?: boolean;
}

export interface KeyOptions {
  /** A file's path, `-` for standard input. */
  passphraseFile?: string;
}

/** `berth secret set`: the value never is an argument, which others on the machine could read. */
export async function setSecret(context: Context, name: string, options: SetOptions): Promise<void> {
  const { output } = context;
  const { app, restart = false } = options;
  const body: SetSecretBody = {
    value: (await valueOf(context, options)).toString('base64'),
    ...(app === undefined ? {} : { app }),
    // Each app is followed here instead.
    ...(restart ? { restart: false } : {}),
  };
  const client = await context.client();
  const answer = setAnswer(await client.json({ method: 'PUT', path: pathOf(name), body }));
  output.json({ name, ...answer });
  const { version, isNew, outdated } = answer;
  output.print(
    isNew ? `${name} is at version ${version} now` : `${name} has that value already (version ${version})`,
  );
  for (const { app: user, restarts } of outdated)
    if (restart) await refresh(context, user);
    else
      output.note(
        restarts
          ? `${user} is given it now, as its compose file says: berth history ${user}`
          : `${user} runs with an older version: berth up, or berth secret set --restart, gives it the new one`,
      );
}

async function refresh(context: Context, app: string): Promise<void> {
  const signal = interruption();
  const api = new AppApi(await context.client());
  await follow(api.refreshSecrets(app, signal), rendererFor(context.output), signal);
}

export async function listSecrets(context: Context, app: string | undefined): Promise<void> {
  const client = await context.client();
  const query = app === undefined ? '' : `?app=${encodeURIComponent(app)}`;
  const answer = secretsAnswer(await client.json({ path: `/berth/v1/secrets${query}` }));
  const { output } = context;
  output.json(answer);
  if (answer.secrets.length === 0) output.print('No secrets. berth secret set NAME keeps one.');
  else
    output.table([
      ['NAME', 'APP', 'KIND', 'VERSION', 'FROM', 'CREATED', 'BY'],
      ...answer.secrets.map((one) => [
        one.name,
        one.app === '' ? '-' : one.app,
        one.noun,
        one.version === 0 ? 'gone' : String(one.version),
        one.origin,
        `${one.created.slice(0, 19)}Z`,
        one.by,
      ]),
    ]);
  if (answer.locked) output.note('They are locked: berth secret unlock opens them.');
}

export async function showVersions(
  context: Context,
  name: string,
  { app, config = false }: { app?: string; config?: boolean },
): Promise<void> {
  const client = await context.client();
  const query = new URLSearchParams({
    ...(app === undefined ? {} : { app }),
    ...(config ? { noun: 'config' } : {}),
  });
  const versions = versionsAnswer(await client.json({ path: `${pathOf(name)}?${query.toString()}` }));
  const { output } = context;
  output.json(versions);
  output.table([
    ['VERSION', 'FROM', 'CREATED', 'BY', 'VALUE'],
    ...versions.map((one) => [
      String(one.version),
      one.origin,
      `${one.created.slice(0, 19)}Z`,
      one.by,
      one.gone ? 'gone' : 'sealed',
    ]),
  ]);
}

export async function removeSecret(context: Context, name: string, app: string | undefined): Promise<void> {
  const client = await context.client();
  const query = app === undefined ? '' : `?app=${encodeURIComponent(app)}`;
  await client.json({ method: 'DELETE', path: `${pathOf(name)}${query}` });
  context.output.json({ removed: name });
  context.output.print(`${name} is gone`);
}

/** `berth secret rotate-key`: with a passphrase no key lies on disk any more. */
export async function rotateKey(context: Context, options: KeyOptions): Promise<void> {
  const body =
    options.passphraseFile === undefined ? {} : { passphrase: await passphraseOf(context, options) };
  const client = await context.client();
  const answer = rotateAnswer(
    await client.json({ method: 'POST', path: '/berth/v1/secrets/rotate-key', body }),
  );
  context.output.json(answer);
  const { values, protection } = answer;
  const where = protection === 'passphrase' ? 'by a passphrase; no key is on disk' : 'by its key file';
  context.output.print(`${values} values are sealed by a new master key, which is protected ${where}`);
}

export async function unlock(context: Context, options: KeyOptions): Promise<void> {
  const client = await context.client();
  const body = { passphrase: await passphraseOf(context, options) };
  await client.json({ method: 'POST', path: '/berth/v1/secrets/unlock', body });
  context.output.json({ locked: false });
  context.output.print('The secrets are open until the daemon ends');
}

async function valueOf({ program }: Context, { fromFile, fromEnv }: SetOptions): Promise<Buffer> {
  if (fromFile !== undefined && fromEnv !== undefined)
    throw invalid(
      'secret-source',
      'found --from-file and --from-env, required is one of them, or standard input',
    );
  if (fromFile !== undefined) return fileContent(fromFile);
  if (fromEnv === undefined) return buffer(process.stdin);
  const value = program.environment[fromEnv];
  if (value === undefined) throw invalid('variable-missing', `the variable '${fromEnv}' is not set`);
  return Buffer.from(value);
}

/** The first line: files that editors write end with a newline. */
async function passphraseOf(_context: Context, { passphraseFile = '-' }: KeyOptions): Promise<string> {
  const text = passphraseFile === '-' ? await buffer(process.stdin) : await fileContent(passphraseFile);
  return text.toString().split('\n', 1).join('');
}

async function fileContent(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw invalid('file-unreadable', `'${path}' cannot be read: ${messageOf(error)}`);
  }
}

function pathOf(name: string): string {
  return `/berth/v1/secrets/${encodeURIComponent(name)}`;
}

// What the API promises (api/types/secrets.ts); the daemon and this program are released together.
function secretsAnswer(value: unknown): SecretsAnswer;
function secretsAnswer(value: unknown): unknown {
  return value;
}

function versionsAnswer(value: unknown): SecretVersionAnswer[];
function versionsAnswer(value: unknown): unknown {
  return value;
}

function setAnswer(value: unknown): SetSecretAnswer;
function setAnswer(value: unknown): unknown {
  return value;
}

function rotateAnswer(value: unknown): RotateKeyAnswer;
function rotateAnswer(value: unknown): unknown {
  return value;
}
