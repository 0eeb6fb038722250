import { invalid } from '#base/errors.ts';
import { fingerprint } from '#base/ids.ts';
import type { AppModel, Build } from '#domain/app/model.ts';
import { appTarget, type AppTarget } from '#domain/app/target.ts';
import { composeError, type Problem } from '#domain/compose/problem.ts';
import { schemaCheck, type SchemaCheck } from '#domain/compose/schema-problems.ts';
import type { ProjectFiles } from '#ports/project-files.ts';
import { readComposeFiles } from './compose-files.ts';
import type { ProjectRequest } from './requests.ts';

export interface Project {
  target: AppTarget;
  /** Warnings and advice. */
  notices: Problem[];
  /** Fingerprint of the files' texts. */
  sources: string;
}

/** Reads the files of a project into what the engine is to hold. */
export class ProjectReader {
  readonly #files: ProjectFiles;
  #check: SchemaCheck | undefined;

  constructor(files: ProjectFiles) {
    this.#files = files;
  }

  /** @throws invalid `compose-invalid` with all errors; not-found `project-folder-missing` */
  async read(request: ProjectRequest): Promise<Project> {
    this.#check ??= schemaCheck();
    const { model, problems, sources } = await readComposeFiles(this.#files, request, this.#check);
    const judged = request.strict ? problems.map(strictly) : problems;
    if (model === undefined || judged.some((one) => one.severity === 'error'))
      throw composeError(judged, sources);
    const target = appTarget(model, await this.#contexts(model));
    return { target, notices: problems, sources: fingerprint(JSON.stringify([...sources])) };
  }

  async #contexts(model: AppModel): Promise<Record<string, string>> {
    const contexts: Record<string, string> = {};
    for (const { name, build } of Object.values(model.services))
      if (build !== undefined) contexts[name] = await this.#context(name, build);
    return contexts;
  }

  async #context(service: string, build: Build): Promise<string> {
    const content = await this.#files.fingerprint(build.context);
    const dockerfile = absolute(build.context, build.dockerfile);
    if (build.dockerfileInline !== undefined) return content;
    const text = await this.#files.readText(dockerfile);
    if (text !== undefined) return `${content} ${text}`;
    throw invalid(
      'dockerfile-missing',
      `the service ${service} is built from '${dockerfile}', which does not exist`,
    );
  }
}

function strictly(problem: Problem): Problem {
  return problem.severity === 'warning' ? { ...problem, severity: 'error' } : problem;
}

export function absolute(folder: string, path: string): string {
  return path.startsWith('/') ? path : `${folder}/${path}`;
}
