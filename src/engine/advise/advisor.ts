import { isAbsolute, join } from 'node:path';
import { adviceFor, leastSamples, type Advice } from '#domain/advise/advice.ts';
import { summaryOf, type UsageSummary } from '#domain/advise/usage.ts';
import type { Apps } from '#engine/apps/apps.ts';
import { appMissing } from '#engine/apps/records.ts';
import type { ProjectFiles } from '#ports/project-files.ts';
import type { Sampler } from './sampler.ts';

export interface ServiceAdvice {
  app: string;
  service: string;
  used: UsageSummary;
  advice: Advice[];
  /** Why there is none. */
  note?: string;
}

export interface AppAdvice {
  services: ServiceAdvice[];
  /** A unified diff of the compose files; '' when nothing changes. */
  patch: string;
  /** What the patch leaves out, and why. */
  notes: string[];
}

export interface AdvisorParts {
  apps: Pick<Apps, 'names' | 'record'>;
  sampler: Sampler;
  files: Pick<ProjectFiles, 'readText'>;
}

/** Proposes limits from what was measured. */
export class Advisor {
  readonly #parts: AdvisorParts;

  constructor(parts: AdvisorParts) {
    this.#parts = parts;
  }

  /** Of one app or all. @throws not-found `app-missing` */
  async advise(app?: string): Promise<AppAdvice> {
    const { apps } = this.#parts;
    if (app !== undefined && apps.record(app) === undefined) throw appMissing(app);
    const names = app === undefined ? apps.names().toSorted() : [app];
    const services = names.flatMap((name) => this.#services(name));
    const notes: string[] = [];
    const patches: string[] = [];
    for (const name of names)
      patches.push(
        await this.#patch(
          name,
          services.filter((one) => one.app === name),
          notes,
        ),
      );
    return { services, patch: patches.join(''), notes };
  }

  #services(app: string): ServiceAdvice[] {
    const { target } = this.#parts.apps.record(app) ?? {};
    return Object.values(target?.model.services ?? {}).map((service) => {
      const used = summaryOf(this.#parts.sampler.of(app, service.name));
      const one = { app, service: service.name, used, advice: adviceFor(service, used) };
      return used.samples < leastSamples
        ? { ...one, note: `too little was measured: ${used.samples} looks of ${leastSamples}` }
        : one;
    });
  }

  /** Each service is changed in the last file that says something of it, which is the one that holds. */
  async #patch(app: string, services: readonly ServiceAdvice[], notes: string[]): Promise<string> {
    const { folder = '', files = [] } = this.#parts.apps.record(app) ?? {};
    const { definesService, patchOf, withAdvice } = await import('#domain/advise/patch.ts');
    const texts = new Map<string, { before: string; after: string }>();
    for (const file of files) {
      const text = await this.#parts.files.readText(isAbsolute(file) ? file : join(folder, file));
      if (text !== undefined) texts.set(file, { before: text, after: text });
    }
    for (const { service, advice } of services) {
      if (advice.length === 0) continue;
      const found = [...texts].findLast(([, { after }]) => definesService(after, service));
      if (found === undefined) {
        notes.push(`${app}/${service} stands in none of the app's files`);
        continue;
      }
      const [file, { before, after }] = found;
      const { text, missed } = withAdvice(after, service, advice);
      texts.set(file, { before, after: text });
      for (const { key, value } of missed)
        notes.push(
          `${app}/${service}: ${key} ${value} must be written by hand, what stands there is shared or a variable`,
        );
    }
    return [...texts]
      .map(([file, { before, after }]) => patchOf(file.replace(/^\//, ''), before, after))
      .join('');
  }
}
