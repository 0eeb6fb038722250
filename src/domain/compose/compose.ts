import { own } from '#base/own.ts';
import type { AppModel, Service } from '#domain/app/model.ts';
import { dependencyOrder } from '#domain/app/order.ts';
import type { Exposure } from '#domain/policy/model.ts';
import { grantsOf, policedServices } from '#domain/policy/world.ts';
import type { Lookup } from './interpolate.ts';
import { checkBuilds } from './check-builds.ts';
import { checkPolicies } from './check-policies.ts';
import { readDocuments, withEnvironmentFiles, type Loading } from './document.ts';
import { loadLayer } from './load.ts';
import { resolve } from './paths.ts';
import { inOrder, type Problem, type Sources } from './problem.ts';
import { readEnvironment, readLabels } from './read-environment.ts';
import { readConfigDefinitions, readSecretDefinitions } from './read-files.ts';
import { readService, type ServiceContext } from './read-service.ts';
import { readNetworkDefinitions, readVolumeDefinitions } from './read-top.ts';
import { readAppExtension } from './read-x-berth.ts';
import { withExposure } from './read-x-berth-exposure.ts';
import { Reader } from './reader.ts';
import type { SchemaCheck } from './schema-problems.ts';
import { unsupportedKeys } from './support.ts';
import { Texts } from './texts.ts';
import type { MapTree } from './tree.ts';
import { withUniqueEntries } from './unique.ts';

export interface ComposeInput {
  /** Absolute folder: relative paths begin here. */
  folder: string;
  /** Absolute, or relative to the folder; the later changes the earlier. */
  files: readonly string[];
  /** Files with variables, absolute or relative to the folder; absent: `.env`, if there is one. */
  envFiles?: readonly string[];
  /** The caller's variables, which win over those of files. */
  environment: Readonly<Record<string, string>>;
  /** Overrides the file's own. */
  appName?: string;
  /** Who reaches ports of which the files do not say it; absent: everyone. */
  exposure?: Exposure;
}

export interface ComposeResult {
  /** Files to read before all of this is done again, absolute; the rest of the result is then not the last word. */
  wanted: string[];
  /** The merged document and its meaning; both undefined when there are errors. */
  document?: MapTree;
  model?: AppModel;
  /** By key of `secrets`, what their variables hold. Neither document nor model has it. */
  secretValues: ReadonlyMap<string, string>;
  /** In order of place: errors, warnings, advice. */
  problems: Problem[];
  sources: Sources;
  /** Names of the variables that the files ask for. */
  variables: string[];
}

/**
 * Reads compose files and all that they name. `known` has the text of each file by its absolute path, null for
 * one that does not exist: begin with an empty one, read what is wanted, and call again until nothing is.
 */
export function readCompose(
  input: ComposeInput,
  known: ReadonlyMap<string, string | null>,
  check: SchemaCheck,
): ComposeResult {
  const texts = new Texts(known);
  const asked = new Set<string>();
  const loading: Loading = { texts, problems: [], sources: new Map(), folder: input.folder, documents: 0 };
  const lookup = lookupOf(input, asked, loading);
  const secretValues = new Map<string, string>();
  const found = readAll({ input, lookup, loading, secretValues }, check);
  const { wanted } = texts;
  const isWhole = wanted.length === 0 && !loading.problems.some((one) => one.severity === 'error');
  return {
    wanted,
    ...(isWhole ? found : {}),
    secretValues,
    problems: inOrder(loading.problems),
    sources: loading.sources,
    variables: [...asked].sort(),
  };
}

function lookupOf(input: ComposeInput, asked: Set<string>, loading: Loading): Lookup {
  const caller: Lookup = (name) => {
    asked.add(name);
    return own(input.environment, name);
  };
  const named = input.envFiles?.map((path) => ({ path, required: true }));
  const files = (named ?? [{ path: '.env', required: false }]).map((file) => ({
    ...file,
    path: resolve(input.folder, file.path),
  }));
  return withEnvironmentFiles(files, caller, loading);
}

function readAll(reading: Reading, check: SchemaCheck): Pick<ComposeResult, 'document' | 'model'> {
  const { input, lookup, loading } = reading;
  const { folder } = input;
  const paths = input.files.map((file) => resolve(folder, file));
  const merged = loadLayer({ paths, folder, lookup, via: [], above: [] }, loading);
  if (merged === undefined) return {};
  const document = withUniqueEntries(merged);
  loading.problems.push(...check(document), ...unsupportedKeys(document));
  if (loading.problems.some((one) => one.severity === 'error')) return {};
  const root = new Reader(document, [], loading.problems);
  const model = readModel(root, reading);
  return document.kind === 'map' ? { document, model } : {};
}

interface Reading {
  input: ComposeInput;
  lookup: Lookup;
  loading: Loading;
  secretValues: Map<string, string>;
}

function readModel(root: Reader, { input, lookup, loading, secretValues }: Reading): AppModel {
  const name = appName(root, input, lookup);
  const networks = readNetworkDefinitions(name, root.at('networks'));
  const volumes = readVolumeDefinitions(name, root.at('volumes'));
  const absolute = (path: string, at: Reader): string =>
    resolve(at.place.source.folder, path.replace(/^~(?=\/|$)/, lookup('HOME') ?? '~'));
  const context: ServiceContext = {
    app: name,
    resolve: absolute,
    services: new Set(
      root
        .at('services')
        .entries()
        .map(([key]) => key),
    ),
    documents: (path, at) => readDocuments(path, at, loading),
    networks: new Set(Object.keys(networks)),
    volumes: new Set(Object.keys(volumes)),
    secrets: readSecretDefinitions(name, root.at('secrets'), absolute, secretValues),
    configs: readConfigDefinitions(name, root.at('configs'), absolute),
    environment: (service) => readEnvironment(service, loading),
    labels: (service) => readLabels(service, loading),
  };
  const services = readServices(root, context, lookup);
  const used = new Set(
    Object.values(services).flatMap((service) => service.networks.map((one) => one.network)),
  );
  const kept = Object.entries(networks).filter(([key]) => used.has(key));
  const extension = readAppExtension(root, context);
  const { secrets, configs } = context;
  const said = {
    name,
    services,
    networks: Object.fromEntries(kept),
    volumes,
    secrets,
    configs,
    ...extension,
  };
  const model = { ...said, services: exposed(said, input.exposure) };
  checkPolicies(model, root);
  return model;
}

function exposed(model: AppModel, standard: Exposure | undefined): Record<string, Service> {
  const closed = new Set(
    policedServices(model)
      .filter((one) => grantsOf(one, 'ingress') !== undefined)
      .map(({ service }) => service),
  );
  return Object.fromEntries(
    Object.entries(model.services).map(([key, service]) => {
      const isClosed = closed.has(service.name);
      return [key, withExposure(model.name, service, { usual: model.exposure, standard, isClosed })];
    }),
  );
}

function readServices(root: Reader, context: ServiceContext, lookup: Lookup): Record<string, Service> {
  const all = root.at('services').entries();
  const active = all.filter(([, service]) => isActive(service, lookup));
  if (active.length === 0)
    root.complain(
      'compose-no-services',
      all.length === 0
        ? 'no service is defined'
        : 'no service is active: each has a profile that is not asked for',
    );
  const services = Object.fromEntries(active.map(([key, one]) => [key, readService(key, one, context)]));
  checkDependencies(root, services, new Set(all.map(([key]) => key)));
  checkBuilds(root, services);
  return services;
}

function appName(root: Reader, input: ComposeInput, lookup: Lookup): string {
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

/** The services whose namespaces this one joins. */
function joined(service: Reader, services: Record<string, Service>): string[] {
  return ['network_mode', 'ipc', 'pid'].flatMap((key) => {
    const mode = service.at(key).text() ?? '';
    if (!mode.startsWith('service:')) return [];
    const name = mode.slice('service:'.length);
    if (!Object.hasOwn(services, name))
      service
        .at(key)
        .complain('compose-undefined-reference', `the service '${name}' is not defined, or not active`);
    return [name];
  });
}

function checkDependencies(root: Reader, services: Record<string, Service>, all: ReadonlySet<string>): void {
  for (const [name, service] of Object.entries(services)) {
    const place = root.at('services').at(name).at('depends_on');
    for (const dependency of service.dependsOn) {
      if (services[dependency.service]?.schedule !== undefined)
        place.complain(
          'compose-scheduled-dependency',
          `the service '${dependency.service}' runs at times, as its x-berth.schedule says: nothing can wait for it`,
        );
      if (dependency.service in services || !dependency.required) continue;
      const why = all.has(dependency.service) ? 'is not active (profiles)' : 'is not defined';
      place.complain('compose-undefined-reference', `the service '${dependency.service}' ${why}`);
    }
    service.dependsOn = service.dependsOn.filter((one) => one.service in services);
  }
  const needs = Object.fromEntries(
    Object.entries(services).map(([name, one]) => [
      name,
      [...one.dependsOn.map((on) => on.service), ...joined(root.at('services').at(name), services)],
    ]),
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
