import { invalid } from '#base/errors.ts';
import { fingerprint } from '#base/ids.ts';
import type { AppModel, Build } from '#domain/app/model.ts';
import { builtFrom } from '#domain/app/build-contexts.ts';
import { appTarget, buildFingerprintOf, type AppTarget } from '#domain/app/target.ts';
import type { ComposeResult } from '#domain/compose/compose.ts';
import { composeError, type Problem } from '#domain/compose/problem.ts';
import type { SchemaCheck } from '#domain/compose/schema-problems.ts';
import type { ProjectFiles } from '#ports/project-files.ts';
import type { Grant } from './app-secrets.ts';
import type { HostRules } from './host-rules.ts';
import type { ProjectRequest } from './requests.ts';

export interface Project {
  target: AppTarget;
  /** Warnings and advice. */
  notices: Problem[];
  /** What services get that set nothing themselves. */
  notes: string[];
  /** Fingerprint of the files' texts. */
  sources: string;
}

/** A project's files as they are understood. */
export interface ProjectView {
  /** Names of the variables that the files ask for, as far as they could be read. */
  variables: string[];
  app: string;
  /** Names of the active services. */
  services: string[];
  /** All files as one, written out. */
  yaml: string;
  /** Warnings and advice. */
  notices: Problem[];
}

/**
 * Reads the files of a project into what the engine is to hold. What reads compose files (5 MB with its libraries) is loaded by
 * the first project: a daemon without apps does without.
 */
export class ProjectReader {
  readonly #files: ProjectFiles;
  readonly #host: Pick<HostRules, 'complete' | 'exposure'>;
  #check: SchemaCheck | undefined;

  constructor(files: ProjectFiles, host: Pick<HostRules, 'complete' | 'exposure'>) {
    this.#files = files;
    this.#host = host;
  }

  /** @throws invalid `compose-invalid` with all errors; not-found `project-folder-missing`; as `grant` */
  async read(request: ProjectRequest, grant: Grant): Promise<Project> {
    const { model, document, secretValues, problems, sources } = await this.#understood(request);
    const { placeOfConstraint } = await import('#domain/compose/read-placement.ts');
    const { model: whole, notes } = await this.#host.complete(model, (service, constraint) =>
      placeOfConstraint(document, service, constraint),
    );
    const target = appTarget(await grant(whole, { secretValues }), await this.#contexts(model));
    return { target, notices: problems, notes, sources: fingerprint(JSON.stringify([...sources])) };
  }

  /** The files as one. @throws invalid `compose-invalid` with all errors */
  async view(request: ProjectRequest): Promise<ProjectView> {
    const { model, document, problems, variables } = await this.#understood(request);
    const { canonicalYaml } = await import('#domain/compose/canonical.ts');
    const services = Object.keys(model.services).sort();
    const yaml = canonicalYaml(document, model);
    return { app: model.name, services, yaml, notices: problems, variables };
  }

  /** The variables that the files ask for, also when they are wrong. */
  async variables(request: ProjectRequest): Promise<string[]> {
    return (await this.#readFiles(request)).variables;
  }

  async #readFiles(request: ProjectRequest): Promise<ComposeResult> {
    const { readComposeFiles } = await import('./compose-files.ts');
    const { schemaCheck } = await import('#domain/compose/schema-problems.ts');
    this.#check ??= schemaCheck();
    return readComposeFiles(this.#files, { ...request, exposure: this.#host.exposure }, this.#check);
  }

  async #understood(request: ProjectRequest): Promise<Understood> {
    const result = await this.#readFiles(request);
    const { model, document, problems, sources } = result;
    const judged = request.strict ? problems.map(strictly) : problems;
    const isWrong = judged.some((one) => one.severity === 'error');
    if (isWrong || model === undefined || document === undefined) throw composeError(judged, sources);
    return { ...result, model, document };
  }

  async #contexts(model: AppModel): Promise<Record<string, string>> {
    const contexts: Record<string, string> = {};
    for (const { name, build } of Object.values(model.services))
      if (build !== undefined) contexts[name] = await contextOf(this.#files, model.services, name, build);
    return contexts;
  }
}

/**
 * A text that changes when what a service is built from does: its own files, those of the folders that it names, and
 * what the services are built from whose images it names.
 * @param services of the app; none is built from itself
 * @throws invalid `dockerfile-missing`; not-found `project-folder-missing`
 */
export async function contextOf(
  files: ProjectFiles,
  services: AppModel['services'],
  service: string,
  build: Build,
): Promise<string> {
  const parts = [await files.fingerprint(build.context)];
  if (build.dockerfileInline === undefined) {
    const dockerfile = absolute(build.context, build.dockerfile);
    const text = await files.readText(dockerfile);
    if (text === undefined)
      throw invalid(
        'dockerfile-missing',
        `the service ${service} is built from '${dockerfile}', which does not exist`,
      );
    parts.push(text);
  }
  for (const place of Object.values(build.more?.contexts ?? {}))
    if (place.startsWith('/')) parts.push(await files.fingerprint(place));
  for (const name of builtFrom(build)) {
    const other = services[name]?.build;
    if (other !== undefined)
      parts.push(buildFingerprintOf(other, await contextOf(files, services, name, other)));
  }
  return parts.join(' ');
}

type Understood = ComposeResult & Required<Pick<ComposeResult, 'model' | 'document'>>;

function strictly(problem: Problem): Problem {
  return problem.severity === 'warning' ? { ...problem, severity: 'error' } : problem;
}

export function absolute(folder: string, path: string): string {
  return path.startsWith('/') ? path : `${folder}/${path}`;
}
