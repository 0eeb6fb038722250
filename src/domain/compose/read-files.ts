import type { AppConfig, AppSecret, FileGrant } from '#domain/app/model.ts';
import { resolve as join } from './paths.ts';
import { readExternal } from './read-top.ts';
import { compact, type Reader } from './reader.ts';

type Resolve = (path: string, at: Reader) => string;

/** `secrets` at the top. `values` gets, by key, what variables hold: the model never has it. */
export function readSecretDefinitions(
  app: string,
  secrets: Reader,
  resolve: Resolve,
  values: Map<string, string>,
): Record<string, AppSecret> {
  const read = ([key, one]: [string, Reader]): [string, AppSecret] => {
    const { name } = readExternal(app, key, one);
    const value = variableValue(one.at('environment'), 'a secret');
    if (value !== undefined) values.set(key, value);
    const from = readSource<AppSecret['from']>(app, key, one, sources(one, resolve));
    return [key, compact<AppSecret>({ ...rest(name, one), from })];
  };
  return Object.fromEntries(secrets.entries().map(read));
}

/** `configs` at the top. */
export function readConfigDefinitions(
  app: string,
  configs: Reader,
  resolve: Resolve,
): Record<string, AppConfig> {
  const read = ([key, one]: [string, Reader]): [string, AppConfig] => {
    const { name } = readExternal(app, key, one);
    const from = readSource<AppConfig['from']>(app, key, one, configSources(one, resolve));
    return [key, compact<AppConfig>({ ...rest(name, one), from })];
  };
  return Object.fromEntries(configs.entries().map(read));
}

function rest(
  name: string,
  one: Reader,
): { name: string; labels: Record<string, string>; templateDriver: string | undefined } {
  return { name, labels: one.at('labels').record(), templateDriver: one.at('template_driver').text() };
}

function configSources(config: Reader, resolve: Resolve): Record<string, AppConfig['from']> {
  const { file } = fileOrVariable(config, resolve);
  const variable = config.at('environment');
  const value = variableValue(variable, 'a config');
  const content = config.at('content').text();
  return {
    ...(file?.kind === 'file' ? { file } : {}),
    ...(variable.text() === undefined ? {} : { environment: { kind: 'content', content: value ?? '' } }),
    ...(content === undefined ? {} : { content: { kind: 'content', content } }),
  };
}

function variableValue(variable: Reader, made: string): string | undefined {
  const name = variable.text();
  if (name === undefined) return undefined;
  const value = variable.place.source.lookup(name);
  if (value === undefined)
    variable.complain('variable-missing', `the variable '${name}' is not set, and ${made} is made of it`);
  return value;
}

function sources(secret: Reader, resolve: Resolve): Record<string, AppSecret['from']> {
  const driver = secret.at('driver').text();
  const options = secret.at('driver_opts').record();
  return {
    ...fileOrVariable(secret, resolve),
    ...(driver === undefined ? {} : { driver: { kind: 'driver', driver, options } }),
  };
}

function fileOrVariable(
  one: Reader,
  resolve: Resolve,
): Record<string, Extract<AppSecret['from'], { kind: 'file' | 'environment' }>> {
  const file = one.at('file');
  const path = file.text();
  const variable = one.at('environment').text();
  return {
    ...(path === undefined ? {} : { file: { kind: 'file', path: resolve(path, file) } }),
    ...(variable === undefined ? {} : { environment: { kind: 'environment', variable } }),
  };
}

/** Exactly one source must be given; what is external has none. */
function readSource<Source>(
  app: string,
  key: string,
  one: Reader,
  given: Record<string, Source>,
): Source | { kind: 'external' } {
  const names = Object.keys(given);
  const { external } = readExternal(app, key, one);
  const [first] = Object.values(given);
  if (external) return { kind: 'external' };
  if (names.length > 1)
    one.complain('compose-contradiction', `'${key}' has more than one source: ${names.join(' and ')}`);
  if (first !== undefined) return first;
  one.complain('compose-missing-key', `'${key}' has no source`, 'write file, environment or external: true');
  return { kind: 'external' };
}

/** `secrets` or `configs` of a service; `folder` is where relative targets lie. */
export function readGrants(
  references: Reader,
  defined: Readonly<Record<string, unknown>>,
  folder: string,
): FileGrant[] {
  return references.items().flatMap((item) => {
    const long = item.tree?.kind === 'map';
    const source = (long ? item.at('source').text() : item.text()) ?? '';
    if (!Object.hasOwn(defined, source)) {
      item.complain('compose-undefined-reference', `'${source}' is not defined at the top of the file`);
      return [];
    }
    const target = (long ? item.at('target').text() : undefined) ?? source;
    const uid = item.at('uid').integer();
    const gid = item.at('gid').integer();
    return [
      compact<FileGrant>({
        source,
        target: join(folder, target),
        uid: uid === undefined ? undefined : String(uid),
        gid: gid === undefined ? undefined : String(gid),
        mode: item.at('mode').mode(),
      }),
    ];
  });
}
