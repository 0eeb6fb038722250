import { own } from '#base/own.ts';
import type { AppModel, Service } from '#domain/app/model.ts';
import { dependencyOrder } from '#domain/app/order.ts';
import { readDotenv } from './dotenv.ts';
import type { Lookup } from './interpolate.ts';
import { interpolateTree } from './interpolate-tree.ts';
import { mergeTrees } from './merge.ts';
import { resolve as resolvePath } from './paths.ts';
import { inOrder, problem, type Problem, type Sources } from './problem.ts';
import { readService, type ServiceContext } from './read-service.ts';
import { readConfigDefinitions, readSecretDefinitions } from './read-files.ts';
import { readNetworkDefinitions, readVolumeDefinitions } from './read-top.ts';
import { readAppExtension } from './read-x-berth.ts';
import { Reader } from './reader.ts';
import type { SchemaCheck } from './schema-problems.ts';
import { unsupportedKeys } from './support.ts';
import { readTree, type Tree } from './tree.ts';

export interface ComposeInput {
  /** Absolute folder: relative paths begin here. */
  folder: string;
  /** The later changes the earlier. `name` is what error messages say. */
  files: { name: string; text: string }[];
  /** Text of the project's .env, if there is one. */
  dotenv?: { name: string; text: string };
  /** The caller's variables, which win over .env. */
  environment: Readonly<Record<string, string>>;
  /** Overrides the file's own. */
  appName?: string;
}

/** An environment file that the engine is to read before `finish`. */
export interface WantedFile {
  path: string;
  required: boolean;
}

export interface ComposeResult {
  /** Undefined when there are errors. */
  model?: AppModel;
  /** In order of place: errors, warnings, advice. */
  problems: Problem[];
  sources: Sources;
}

export interface ComposeDraft {
  wanted: WantedFile[];
  /** `texts` by path; a wanted file that does not exist is left out. */
  finish(texts: ReadonlyMap<string, string>): ComposeResult;
}

/** Reads compose files up to the point where environment files are needed. */
export function readCompose(input: ComposeInput, check: SchemaCheck): ComposeDraft {
  const sources = new Map(input.files.map((file) => [file.name, file.text]));
  if (input.dotenv !== undefined) sources.set(input.dotenv.name, input.dotenv.text);
  const problems: Problem[] = [];
  const lookup = lookupOf(input, problems);
  const tree = readTrees(input, lookup, problems);
  if (tree === undefined) return failed(problems, sources);
  const wrong = check(tree);
  problems.push(...wrong, ...unsupportedKeys(tree));
  if (problems.some((one) => one.severity === 'error')) return failed(problems, sources);
  const root = new Reader(tree, [], problems);
  const resolve = (path: string): string =>
    resolvePath(input.folder, path.replace(/^~(?=\/|$)/, lookup('HOME') ?? '~'));
  return {
    wanted: wantedFiles(root, resolve),
    finish: (texts) => {
      const model = readModel(root, { input, lookup, resolve, texts, problems, sources });
      const ok = !problems.some((one) => one.severity === 'error');
      return { ...(ok ? { model } : {}), problems: inOrder(problems), sources };
    },
  };
}

function failed(problems: Problem[], sources: Sources): ComposeDraft {
  return { wanted: [], finish: () => ({ problems: inOrder(problems), sources }) };
}

function lookupOf(input: ComposeInput, problems: Problem[]): Lookup {
  const caller: Lookup = (name) => own(input.environment, name);
  if (input.dotenv === undefined) return caller;
  const file = readDotenv(input.dotenv.name, input.dotenv.text, caller);
  problems.push(...file.problems);
  return (name) => caller(name) ?? file.values.get(name);
}

function readTrees(input: ComposeInput, lookup: Lookup, problems: Problem[]): Tree | undefined {
  const trees = input.files.map(({ name, text }) => {
    const { tree, problems: found } = readTree(name, text);
    problems.push(...found);
    if (tree?.kind === 'map') return interpolateTree(tree, lookup, problems);
    if (found.length > 0) return undefined;
    const at = tree?.at ?? { file: name, line: 1, column: 1 };
    const what = tree === undefined ? 'the file is empty' : 'the file is not a mapping';
    problems.push(
      problem('error', 'compose-empty', { path: '', at }, `${what}: required is at least 'services:'`),
    );
    return undefined;
  });
  return trees.reduce((base, over) =>
    base === undefined || over === undefined ? undefined : mergeTrees(base, over),
  );
}

function wantedFiles(root: Reader, resolve: (path: string) => string): WantedFile[] {
  return root
    .at('services')
    .entries()
    .flatMap(([, service]) => envFiles(service))
    .map(({ path, required }) => ({ path: resolve(path), required }));
}

interface EnvFile {
  path: string;
  required: boolean;
  raw: boolean;
  at: Reader;
}

function envFiles(service: Reader): EnvFile[] {
  const files = service.at('env_file');
  if (files.tree?.kind !== 'list')
    return files.texts().map((path) => ({ path, required: true, raw: false, at: files }));
  return files.items().map((item) => ({
    path: item.at('path').text() ?? item.text() ?? '',
    required: item.at('required').boolean() ?? true,
    raw: item.at('format').text() === 'raw',
    at: item,
  }));
}

interface Reading {
  input: ComposeInput;
  lookup: Lookup;
  resolve: (path: string) => string;
  texts: ReadonlyMap<string, string>;
  problems: Problem[];
  sources: Map<string, string>;
}

function readModel(root: Reader, reading: Reading): AppModel {
  const name = appName(root, reading);
  const networks = readNetworkDefinitions(name, root.at('networks'));
  const volumes = readVolumeDefinitions(name, root.at('volumes'));
  const context: ServiceContext = {
    app: name,
    resolve: reading.resolve,
    lookup: reading.lookup,
    networks: new Set(Object.keys(networks)),
    volumes: new Set(Object.keys(volumes)),
    secrets: readSecretDefinitions(name, root.at('secrets'), reading.resolve),
    configs: readConfigDefinitions(name, root.at('configs'), reading.resolve),
    environment: (service) => environmentOf(service, reading),
  };
  const all = root.at('services').entries();
  const active = all.filter(([, service]) => isActive(service, reading.lookup));
  if (active.length === 0)
    root.complain(
      'compose-no-services',
      all.length === 0
        ? 'no service is defined'
        : 'no service is active: each has a profile that is not asked for',
    );
  const services = Object.fromEntries(active.map(([key, one]) => [key, readService(key, one, context)]));
  checkDependencies(root, services, new Set(all.map(([key]) => key)));
  const used = new Set(
    Object.values(services).flatMap((service) => service.networks.map((one) => one.network)),
  );
  const kept = Object.entries(networks).filter(([key]) => used.has(key));
  const extension = readAppExtension(root, context);
  const { secrets, configs } = context;
  return { name, services, networks: Object.fromEntries(kept), volumes, secrets, configs, ...extension };
}

function appName(root: Reader, { input, lookup }: Reading): string {
  const folder = input.folder.split('/').at(-1) ?? '';
  const given = input.appName ?? lookup('COMPOSE_PROJECT_NAME') ?? root.at('name').text();
  const name =
    given ??
    folder
      .toLowerCase()
      .replace(/[^a-z0-9_-]/g, '')
      .replace(/^[_-]+/, '');
  if (/^[a-z0-9][a-z0-9_-]*$/.test(name)) return name;
  const place = root.at('name').present ? root.at('name') : root;
  place.complain(
    'compose-bad-name',
    `'${name}' cannot name an app: required are small letters, digits, dash and underscore, a letter or digit first`,
  );
  return 'app';
}

function isActive(service: Reader, lookup: Lookup): boolean {
  const profiles = service.at('profiles').texts();
  const asked = (lookup('COMPOSE_PROFILES') ?? '').split(',').map((one) => one.trim());
  return profiles.length === 0 || asked.includes('*') || profiles.some((one) => asked.includes(one));
}

/** env_file in order, then environment; what has no value takes the caller's or is left out. Sorted by name. */
function environmentOf(
  service: Reader,
  { lookup, resolve, texts, problems, sources }: Reading,
): Record<string, string> {
  const values = new Map<string, string>();
  for (const { path, required, raw, at } of envFiles(service)) {
    const text = texts.get(resolve(path));
    if (text === undefined) {
      if (required)
        at.complain(
          'env-file-missing',
          `the environment file '${path}' does not exist`,
          'create it, or write required: false',
        );
      continue;
    }
    sources.set(path, text);
    const file = readDotenv(path, text, (name) => lookup(name) ?? values.get(name), raw);
    problems.push(...file.problems);
    for (const [key, value] of file.values) values.set(key, value);
  }
  for (const [key, value] of service.at('environment').pairs()) {
    const known = value ?? lookup(key);
    if (known === undefined) values.delete(key);
    else values.set(key, known);
  }
  return Object.fromEntries([...values].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function checkDependencies(root: Reader, services: Record<string, Service>, all: ReadonlySet<string>): void {
  for (const [name, service] of Object.entries(services)) {
    const place = root.at('services').at(name).at('depends_on');
    for (const dependency of service.dependsOn) {
      if (dependency.service in services || !dependency.required) continue;
      const why = all.has(dependency.service) ? 'is not active (profiles)' : 'is not defined';
      place.complain('compose-undefined-reference', `the service '${dependency.service}' ${why}`);
    }
    service.dependsOn = service.dependsOn.filter((one) => one.service in services);
  }
  const needs = Object.fromEntries(
    Object.entries(services).map(([name, one]) => [name, one.dependsOn.map((on) => on.service)]),
  );
  const result = dependencyOrder(needs);
  if (!('cycle' in result)) return;
  root
    .at('services')
    .at(result.cycle[0] ?? '')
    .at('depends_on')
    .complain(
      'compose-dependency-cycle',
      `services depend on each other in a circle: ${result.cycle.join(' -> ')}`,
    );
}
