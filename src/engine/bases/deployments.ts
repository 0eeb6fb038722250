import type { AppTarget } from '#domain/app/target.ts';
import type { Apps } from '#engine/apps/apps.ts';
import type { Images } from '#engine/contracts.ts';
import { formatReference, parseReference } from '#domain/image/reference.ts';
import { BerthError, conflict, messageOf } from '#base/errors.ts';
import type { Clock } from '#ports/clock.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';
import type { OutdatedReport } from './outdated.ts';

/** Services of an app whose image's name stands for a newer image than they run. */
export interface Deployment {
  app: string;
  services: string[];
}

/** Seconds that a service may take to become healthy. */
const patience = 300;

export interface DeploymentsOptions {
  apps: Pick<Apps, 'names' | 'record' | 'converge'>;
  images: Pick<Images, 'find'>;
  store: Pick<StateStore, 'collection'>;
  clock: Pick<Clock, 'timestamp'>;
}

/** An update that an app did not survive. */
interface FailedDeployment {
  /** The images that its services should have got, by service. */
  images: Record<string, string>;
  /** RFC 3339. */
  when: string;
  message: string;
}

/** Gives apps the images that were rebuilt. */
export class Deployments {
  readonly #apps: DeploymentsOptions['apps'];
  readonly #images: DeploymentsOptions['images'];
  readonly #clock: DeploymentsOptions['clock'];
  readonly #failed: Collection<FailedDeployment>;

  constructor({ apps, images, store, clock }: DeploymentsOptions) {
    this.#apps = apps;
    this.#images = images;
    this.#clock = clock;
    this.#failed = store.collection('base-deployments-failed');
  }

  /** Why the image of a name is not refreshed: all services that have it ask for that (`x-berth.refresh: false`). */
  leftAlone(name: string): string | undefined {
    const users = this.#apps.names().flatMap((app) => {
      const { target } = this.#apps.record(app) ?? {};
      return (target?.services ?? [])
        .filter(({ image }) => fullName(image) === name)
        .map((service) => ({ words: `${app}/${service.name}`, isLeft: isLeftAlone(target, service.name) }));
    });
    if (users.length === 0 || users.some(({ isLeft }) => !isLeft)) return undefined;
    return `${users.map(({ words }) => words).join(', ')} is not to be refreshed (x-berth.refresh: false)`;
  }

  /** In words, when and why the same update failed; undefined when none did. */
  failedBefore(deployment: Deployment): string | undefined {
    const failed = this.#failed.get(deployment.app);
    if (failed === undefined) return undefined;
    const now = this.#imagesOf(deployment);
    const isSame = Object.entries(now).every(([service, id]) => failed.images[service] === id);
    return isSame ? `the same update failed at ${failed.when.slice(0, 16)}Z: ${failed.message}` : undefined;
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
          .filter(({ name, image, imageId }) => {
            if (imageId === undefined || isLeftAlone(target, name)) return false;
            if (names.has(fullName(image))) return true;
            return outdated.has(imageId) && this.#images.find(image)?.id !== imageId;
          })
          .map(({ name }) => name)
          .sort();
        return services.length === 0 ? [] : [{ app, services }];
      });
  }

  /**
   * A rolling update as by `berth up`, with nothing else changed. One that fails is remembered.
   * @throws as Apps.converge; conflict `app-canary`
   */
  async carryOut(
    deployment: Deployment,
    by: string,
    tell: (text: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await this.#update(deployment, by, tell, signal);
      this.#failed.delete(deployment.app);
    } catch (error) {
      if (!signal.aborted && !(error instanceof BerthError && error.code === 'app-canary'))
        this.#failed.put(deployment.app, {
          images: this.#imagesOf(deployment),
          when: this.#clock.timestamp(),
          message: messageOf(error),
        });
      throw error;
    }
  }

  /** What the names of the services' images stand for now, by service. */
  #imagesOf({ app, services }: Deployment): Record<string, string> {
    const { target } = this.#apps.record(app) ?? {};
    const found = (target?.services ?? [])
      .filter(({ name }) => services.includes(name))
      .map(({ name, image }) => [name, this.#images.find(image)?.id ?? ''] as const);
    return Object.fromEntries(found);
  }

  async #update(
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

function isLeftAlone(target: AppTarget | undefined, service: string): boolean {
  return target?.model.services[service]?.refresh === false;
}

function fullName(image: string): string {
  return formatReference(parseReference(image));
}
