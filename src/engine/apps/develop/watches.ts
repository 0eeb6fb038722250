import { notFound, invalid } from '#base/errors.ts';
import type { AppModel, Service } from '#domain/app/model.ts';
import { pathRules, type ReadRules } from '#domain/develop/rules.ts';
import type { Apps } from '#engine/apps/apps.ts';
import type { AppParts } from '#engine/apps/parts.ts';
import type { AppRecords } from '#engine/apps/records.ts';
import type { EmitWatch } from './events.ts';
import { WatchSession } from './session.ts';

export interface WatchRequest {
  /** Empty: all that have rules. */
  services: string[];
  by: string;
  /** Seconds that a service may take to become healthy after a restart or a rebuild. */
  timeout: number;
}

/** Follows the files of apps by the rules of `develop.watch` that were in force at their last `up`. */
export class Watches {
  readonly #parts: AppParts;
  readonly #apps: Apps;
  readonly #records: AppRecords;

  constructor(parts: AppParts, apps: Apps, records: AppRecords) {
    this.#parts = parts;
    this.#apps = apps;
    this.#records = records;
  }

  /**
   * Until the signal is aborted.
   * @throws not-found `app-missing`, `app-service-missing`; conflict `app-not-up`, `app-down` (it was taken down
   * meanwhile); invalid `watch-nothing`; as `pathRules`
   */
  async run(app: string, request: WatchRequest, emit: EmitWatch, signal: AbortSignal): Promise<void> {
    const { model } = this.#records.thatWasUp(app).target;
    const services = chosen(model, request.services);
    const read = await Promise.all(services.map((one) => this.#rules(one)));
    const rules = read.flatMap((one) => one.rules);
    for (const message of read.flatMap((one) => one.notes)) emit({ type: 'problem', message });
    if (rules.length === 0)
      throw invalid('watch-nothing', `no service of ${named(app, request.services)} says what to watch`, {
        hint: "give a service 'develop: { watch: [...] }' in the compose file, then run berth up",
      });
    await new WatchSession(this.#parts, this.#apps, { app, rules, ...request }, emit).run(signal);
  }

  async #rules(service: Service): Promise<ReadRules> {
    const { tree } = this.#parts;
    const resolved = new Map<string, string>();
    const sources = service.mounts.filter(({ type }) => type === 'bind').map(({ source }) => source);
    const paths = (service.watch ?? []).map(({ path }) => path);
    for (const path of [
      ...paths,
      ...sources,
      ...(service.build === undefined ? [] : [service.build.context]),
    ])
      resolved.set(path, await tree.resolved(path));
    const dockerignore = await this.#dockerignore(service);
    return pathRules(service, { dockerignore, resolved: (path) => resolved.get(path) ?? path });
  }

  /** That of the Dockerfile goes first, as for a build. */
  async #dockerignore({ build }: Service): Promise<string | undefined> {
    if (build === undefined) return undefined;
    const { files } = this.#parts;
    const own = await files.readText(`${build.context}/${build.dockerfile}.dockerignore`);
    return own ?? files.readText(`${build.context}/.dockerignore`);
  }
}

function chosen({ name, services }: AppModel, wanted: readonly string[]): Service[] {
  const unknown = wanted.find((one) => services[one] === undefined);
  if (unknown !== undefined)
    throw notFound(
      'app-service-missing',
      `the app ${name} has no service '${unknown}': it has ${Object.keys(services).join(', ')}`,
    );
  return Object.values(services).filter((one) => wanted.length === 0 || wanted.includes(one.name));
}

function named(app: string, services: readonly string[]): string {
  return services.length === 0 ? `the app ${app}` : services.map((one) => `${app}/${one}`).join(', ');
}
