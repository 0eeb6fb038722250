import { conflict } from '#base/errors.ts';
import type { Apps } from '#engine/apps/apps.ts';
import type { Images } from '#engine/contracts.ts';
import { formatReference, parseReference } from '#domain/image/reference.ts';
import type { OutdatedReport } from './outdated.ts';

/** Services of an app whose image's name stands for a newer image than they run. */
export interface Deployment {
  app: string;
  services: string[];
}

/** Seconds that a service may take to become healthy. */
const patience = 300;

/** Gives apps the images that were rebuilt. */
export class Deployments {
  readonly #apps: Pick<Apps, 'names' | 'record' | 'converge'>;
  readonly #images: Pick<Images, 'find'>;

  constructor(apps: Pick<Apps, 'names' | 'record' | 'converge'>, images: Pick<Images, 'find'>) {
    this.#apps = apps;
    this.#images = images;
  }

  /**
   * The services that run an outdated image, or one whose name was refreshed.
   * @param names that were refreshed, or will be
   */
  due(names: ReadonlySet<string>, report: OutdatedReport): Deployment[] {
    const outdated = new Set<string>(report.images.map(({ image }) => image.id));
    return this.#apps
      .names()
      .toSorted()
      .flatMap((app) => {
        const { target } = this.#apps.record(app) ?? {};
        const services = (target?.services ?? [])
          .filter(({ image, imageId }) => {
            if (imageId === undefined) return false;
            if (names.has(fullName(image))) return true;
            return outdated.has(imageId) && this.#images.find(image)?.id !== imageId;
          })
          .map(({ name }) => name)
          .sort();
        return services.length === 0 ? [] : [{ app, services }];
      });
  }

  /** A rolling update as by `berth up`, with nothing else changed. @throws as Apps.converge; conflict `app-canary` */
  async carryOut(
    { app, services }: Deployment,
    by: string,
    tell: (text: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const record = this.#apps.record(app);
    if (record?.target === undefined) return;
    if (record.canary !== undefined)
      throw conflict('app-canary', `a part of the next revision of the app ${app} is being tried`, {
        hint: 'berth promote or berth abort ends that',
      });
    const { folder, files, stopped = [] } = record;
    const target = {
      ...record.target,
      services: record.target.services.map(({ imageId, ...service }) =>
        services.includes(service.name) || imageId === undefined ? service : { ...service, imageId },
      ),
    };
    const rest = { folder, files, sources: '', rebuild: false, timeout: patience, stopped };
    await this.#apps.converge(
      'base refresh',
      target,
      { reason: 'base refresh', by, ...rest },
      (event) => {
        if (event.type === 'note') tell(event.message);
        if (event.type === 'step' && event.state !== 'started') tell(`${event.step.kind} ${event.state}`);
      },
      signal,
    );
  }
}

function fullName(image: string): string {
  return formatReference(parseReference(image));
}
