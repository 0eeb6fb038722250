import { invalid, notFound } from '#base/errors.ts';
import type { AppModel, Build } from '#domain/app/model.ts';
import { appTarget, type AppTarget } from '#domain/app/target.ts';
import { readCompose } from '#domain/compose/compose.ts';
import { composeError, type Problem } from '#domain/compose/problem.ts';
import { schemaCheck, type SchemaCheck } from '#domain/compose/schema-problems.ts';
import type { ProjectFiles } from '#ports/project-files.ts';
import type { ProjectRequest } from './requests.ts';

export interface Project {
  target: AppTarget;
  /** Warnings and advice. */
  notices: Problem[];
}

/** Reads the files of a project into what the engine is to hold. */
export class ProjectReader {
  readonly #files: ProjectFiles;
  #check: SchemaCheck | undefined;

  constructor(files: ProjectFiles) {
    this.#files = files;
  }

  /** @throws invalid `compose-invalid` with all errors; not-found `compose-missing`, `project-folder-missing` */
  async read(request: ProjectRequest): Promise<Project> {
    const files = await Promise.all(request.files.map((name) => this.#text(request.folder, name)));
    const dotenv = await this.#files.readText(absolute(request.folder, '.env'));
    this.#check ??= schemaCheck();
    const draft = readCompose(
      {
        folder: request.folder,
        files,
        environment: request.environment,
        ...(dotenv === undefined ? {} : { dotenv: { name: '.env', text: dotenv } }),
        ...(request.appName === undefined ? {} : { appName: request.appName }),
      },
      this.#check,
    );
    const texts = new Map<string, string>();
    for (const { path } of draft.wanted) {
      const text = await this.#files.readText(path);
      if (text !== undefined) texts.set(path, text);
    }
    const { model, problems, sources } = draft.finish(texts);
    const judged = request.strict ? problems.map(strictly) : problems;
    if (model === undefined || judged.some((one) => one.severity === 'error'))
      throw composeError(judged, sources);
    return { target: appTarget(model, await this.#contexts(model)), notices: problems };
  }

  async #text(folder: string, name: string): Promise<{ name: string; text: string }> {
    const path = absolute(folder, name);
    const text = await this.#files.readText(path);
    if (text !== undefined) return { name: shortName(folder, path), text };
    throw notFound('compose-missing', `there is no compose file '${path}'`, {
      hint: 'name the folder or the file: berth up DIR, berth up FILE, berth up -f FILE',
    });
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

function shortName(folder: string, path: string): string {
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
}
