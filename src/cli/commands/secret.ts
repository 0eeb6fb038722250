import { buffer } from 'node:stream/consumers';
import { invalid } from '#base/errors.ts';
import type {
  RotateKeyAnswer,
  SecretsAnswer,
  SecretVersionAnswer,
  SetSecretAnswer,
  SetSecretBody,
} from '#api/types/secrets.ts';
import type { Context } from '#cli/context.ts';
import { rendererFor } from '#cli/render/renderer.ts';
import { timeWords } from '#cli/render/words.ts';
import { fileContent, firstLine } from './given-files.ts';
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
  const answer = await client.json<SetSecretAnswer>({ method: 'PUT', path: pathOf(name), body });
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
  await follow(api.change(app, 'secrets/refresh', {}, signal), rendererFor(context.output), signal);
}

export async function listSecrets(context: Context, app: string | undefined): Promise<void> {
  const client = await context.client();
  const answer = await client.json<SecretsAnswer>({ path: '/berth/v1/secrets', query: { app } });
  const { output } = context;
  output.json(answer);
  output.table(
    [
      ['NAME', 'APP', 'KIND', 'VERSION', 'FROM', 'CREATED', 'BY'],
      ...answer.secrets.map((one) => [
        one.name,
        one.app === '' ? '-' : one.app,
        one.noun,
        one.version === 0 ? 'gone' : String(one.version),
        one.origin,
        timeWords(one.created),
        one.by,
      ]),
    ],
    'No secrets. berth secret set NAME keeps one.',
  );
  if (answer.locked) output.note('They are locked: berth secret unlock opens them.');
}

export async function showVersions(
  context: Context,
  name: string,
  { app, config = false }: { app?: string; config?: boolean },
): Promise<void> {
  const client = await context.client();
  const query = { app, noun: config ? 'config' : undefined };
  const versions = await client.json<SecretVersionAnswer[]>({ path: pathOf(name), query });
  const { output } = context;
  output.json(versions);
  output.table([
    ['VERSION', 'FROM', 'CREATED', 'BY', 'VALUE'],
    ...versions.map((one) => [
      String(one.version),
      one.origin,
      timeWords(one.created),
      one.by,
      one.gone ? 'gone' : 'sealed',
    ]),
  ]);
}

export async function removeSecret(context: Context, name: string, app: string | undefined): Promise<void> {
  const client = await context.client();
  await client.text({ method: 'DELETE', path: pathOf(name), query: { app } });
  context.output.json({ removed: name });
  context.output.print(`${name} is gone`);
}

/** `berth secret rotate-key`: with a passphrase no key lies on disk any more. */
export async function rotateKey(context: Context, options: KeyOptions): Promise<void> {
  const body =
    options.passphraseFile === undefined ? {} : { passphrase: await firstLine(options.passphraseFile) };
  const client = await context.client();
  const path = '/berth/v1/secrets/rotate-key';
  const answer = await client.json<RotateKeyAnswer>({ method: 'POST', path, body });
  context.output.json(answer);
  const { values, protection } = answer;
  const where = protection === 'passphrase' ? 'by a passphrase; no key is on disk' : 'by its key file';
  context.output.print(`${values} values are sealed by a new master key, which is protected ${where}`);
}

export async function unlock(context: Context, options: KeyOptions): Promise<void> {
  const client = await context.client();
  const body = { passphrase: await firstLine(options.passphraseFile ?? '-') };
  await client.text({ method: 'POST', path: '/berth/v1/secrets/unlock', body });
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

function pathOf(name: string): string {
  return `/berth/v1/secrets/${encodeURIComponent(name)}`;
}
