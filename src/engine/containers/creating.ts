import type { Container } from '#domain/container/container.ts';
import type { ContainerConfig, HostConfig } from '#domain/container/config.ts';
import type { Image } from '#domain/image/image.ts';
import { formatPlatform, matchesPlatform, parsePlatform } from '#domain/image/platform.ts';
import type { CreateContainer } from '#engine/contracts.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import { effectiveCapabilities } from '#domain/container/capabilities.ts';
import { checkCpus } from '#domain/container/cpu-checks.ts';
import { deviceRules } from '#domain/container/devices.ts';
import { completeHostConfig } from '#domain/container/host-config.ts';
import { extraHosts } from '#domain/container/hosts-file.ts';
import { commandOf, mergeConfig } from '#domain/container/merge.ts';
import { checkModes, checkRemapped } from '#domain/container/mode-checks.ts';
import { parseName, randomName } from '#domain/container/names.ts';
import { resourceWarnings } from '#domain/container/resources.ts';
import { parseSecurityOptions, securityWarnings } from '#domain/container/security.ts';
import { newState } from '#domain/container/state.ts';
import { validateRequest } from '#domain/container/validate.ts';
import { announce } from '#engine/containers/announcer.ts';
import { draftEndpoints, joinsContainer } from '#engine/containers/endpoints.ts';
import { checkLinks } from '#engine/containers/linking.ts';
import { copyUp, draftMounts, realizeMounts } from '#engine/containers/mounting.ts';
import { createImageMounts } from '#engine/containers/mount-sources.ts';
import { settled } from '#engine/containers/registry.ts';
import { Undo } from '#engine/containers/undo.ts';
import { newId, shortId } from '#base/ids.ts';
import { invalid, isKind, within } from '#base/errors.ts';

/** Makes containers: decided as a whole first, then recorded, then built; a failure takes everything back. */
export class Creating {
  readonly #parts: ContainerParts;
  readonly #registry: ContainerRegistry;

  constructor(parts: ContainerParts, registry: ContainerRegistry) {
    this.#parts = parts;
    this.#registry = registry;
  }

  async create(request: CreateContainer): Promise<{ id: string; warnings: string[] }> {
    const warnings = this.#admit(request);
    // `docker run` starts it right away.
    this.#parts.cgroups.expectMove();
    const { config, platform } = request;
    const image = this.#parts.images.get(config.Image ?? '', platform);
    if (platform === undefined) warnings.push(...this.#platformWarnings(image));
    const id = newId();
    const name = request.name === undefined ? this.#freeName() : parseName(request.name);
    this.#registry.reserve(name, id);
    const undo = new Undo(this.#parts.report);
    undo.add(() => this.#registry.releaseName(name));
    try {
      await notAboutTheImage(() => this.#build(this.#decide(id, name, image, request), image, request, undo));
    } catch (error) {
      await undo.run();
      throw error;
    }
    return { id, warnings };
  }

  /** Everything that can refuse a request before anything is made, policies included. */
  #admit(request: CreateContainer): string[] {
    const { config, hostConfig } = request;
    const { facts } = this.#parts.host;
    const warnings = validateRequest(config, hostConfig);
    checkModes(hostConfig, this.#parts.runtime.names);
    if (this.#parts.host.userNamespace !== undefined) checkRemapped(hostConfig);
    checkCpus(hostConfig, facts);
    checkLinks(hostConfig.Links ?? [], (ref) => this.#registry.find(ref));
    effectiveCapabilities(hostConfig, facts.capabilities);
    parseSecurityOptions(hostConfig.SecurityOpt ?? []);
    deviceRules({ privileged: false, devices: [], rules: hostConfig.DeviceCgroupRules ?? [] });
    // Any address in place of the gateway's, which is known at the start.
    extraHosts(hostConfig.ExtraHosts ?? [], '0.0.0.0');
    if (hostConfig.Init === true && this.#parts.initPath === undefined)
      throw invalid(
        'init-missing',
        'an init process was asked for (--init), but no init program is installed',
        {
          hint: 'install tini-static, or leave out --init',
        },
      );
    return [
      ...warnings,
      ...resourceWarnings(hostConfig, facts),
      ...securityWarnings(hostConfig.SecurityOpt ?? [], facts),
      ...this.#parts.admission.flatMap((policy) => policy(request)),
    ];
  }

  #platformWarnings({ config }: Image): string[] {
    const { architecture } = this.#parts.host.facts;
    const own = parsePlatform(`linux/${architecture}`, { os: 'linux', architecture: '' });
    if (matchesPlatform(config, own)) return [];
    return [
      `The requested image's platform (${formatPlatform(config)}) does not match the detected host platform ` +
        `(${formatPlatform(own)}) and no specific platform was requested`,
    ];
  }

  #freeName(): string {
    for (let tries = 0; tries < 6; tries++) {
      const name = randomName(this.#parts.random);
      if (!this.#registry.isNameTaken(name)) return name;
    }
    return `${randomName(this.#parts.random)}_${newId().slice(0, 6)}`;
  }

  #decide(id: string, name: string, image: Image, request: CreateContainer): Container {
    const hostConfig = completeHostConfig(request.hostConfig, {
      cgroupVersion: this.#parts.host.facts.cgroupVersion,
      runtime: this.#parts.runtime.name,
    });
    const merged = mergeConfig(request.config, image.config.config ?? {});
    const command = commandOf(merged);
    if (command === undefined || command.path === '')
      throw invalid('command-missing', 'no command specified');
    const container: Container = {
      id,
      name,
      created: this.#parts.clock.timestamp(),
      imageId: image.id,
      imageName: request.config.Image ?? '',
      platform: image.config.os,
      config: { ...merged, Hostname: merged.Hostname || defaultHostname(id, hostConfig) },
      hostConfig: this.#withIds(hostConfig),
      ...command,
      mounts: [],
      endpoints: [],
      ports: [],
      state: newState(),
    };
    if (request.identity !== undefined) container.identity = request.identity;
    if (request.traffic !== undefined) container.traffic = request.traffic;
    if (request.probes !== undefined) container.probes = request.probes;
    if (request.granted !== undefined) container.granted = request.granted;
    return { ...container, endpoints: draftEndpoints(this.#parts.networks, container, request) };
  }

  // Docker replaces the name in `container:NAME` by the id, so that a rename does not break it.
  #withIds(hostConfig: HostConfig): HostConfig {
    const other = joinsContainer({ hostConfig });
    if (other === undefined) return hostConfig;
    try {
      return { ...hostConfig, NetworkMode: `container:${this.#registry.get(other).id}` };
    } catch (error) {
      throw within('joining network namespace of container', error);
    }
  }

  async #build(decided: Container, image: Image, request: CreateContainer, undo: Undo): Promise<void> {
    const { snapshotter } = this.#parts;
    const drafts = draftMounts(decided.config, request.hostConfig, (ref) => this.#registry.get(ref));
    const announced = { ...decided, mounts: drafts.map((draft) => draft.point) };
    this.#registry.announce(announced);
    undo.add(() => this.#registry.delete(announced));
    const made = await realizeMounts(this.#parts, drafts, undo, request.identity?.app);
    const mounts = await createImageMounts(this.#parts, decided.id, made, undo);
    undo.add(() => snapshotter.remove(decided.id));
    await snapshotter.create(decided.id, image.chainId);
    await copyUp(this.#parts, decided.id, mounts);
    const container = this.#registry.put(settled({ ...decided, mounts }));
    announce(this.#parts.events, container, 'create');
  }
}

function defaultHostname(id: string, hostConfig: HostConfig): NonNullable<ContainerConfig['Hostname']> {
  const shared = hostConfig.NetworkMode === 'host' || hostConfig.UTSMode === 'host';
  return shared ? '' : shortId(id);
}

/**
 * Does what needs something else than the image. Docker's clients take a 404 of a create for a missing image and pull
 * it, so what is missing then is an invalid request.
 */
async function notAboutTheImage(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isKind(error, 'not-found')) throw invalid(error.code, error.message, { cause: error });
    throw error;
  }
}
