import type { Container } from '#domain/container/container.ts';
import { parseLink } from '#domain/container/hosts-file.ts';
import { linkVariables } from '#domain/container/links.ts';
import { hasProcess } from '#domain/container/state.ts';
import { invalid } from '#base/errors.ts';

type Find = (ref: string) => Container | undefined;

/** What `--link` can be told of when the container is made. @throws invalid `link-invalid` with Docker's words */
export function checkLinks(links: readonly string[], find: Find): void {
  for (const text of links) {
    const { container: ref } = parseLink(text);
    const peer = find(ref);
    if (peer === undefined)
      throw invalid('link-invalid', `could not get container for ${ref}: No such container: ${ref}`);
    if (peer.hostConfig.NetworkMode === 'host')
      throw invalid(
        'link-invalid',
        "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
      );
  }
}

/**
 * The variables that the links of a container on the default bridge give it; none on other networks, where names
 * are resolved instead.
 * @throws invalid `link-invalid` with Docker's words for a container that does not run or is elsewhere
 */
export function variablesOfLinks(container: Container, find: Find): string[] {
  if (onDefaultBridge(container) === undefined) return [];
  return (container.hostConfig.Links ?? []).flatMap((link) => {
    const { container: ref, alias } = parseLink(link);
    const peer = find(ref);
    if (peer === undefined || !hasProcess(peer))
      throw invalid(
        'link-invalid',
        `Cannot link to a non running container: /${peer?.name ?? ref} AS /${container.name}/${alias}`,
      );
    const endpoint = onDefaultBridge(peer);
    if (endpoint === undefined)
      throw invalid('link-invalid', `container ${peer.id} not attached to default bridge network`);
    return linkVariables(container.name, link, {
      address: endpoint.ipAddress,
      env: peer.config.Env ?? [],
      ports: Object.keys(peer.config.ExposedPorts ?? {}),
    });
  });
}

function onDefaultBridge(container: Container): Container['endpoints'][number] | undefined {
  return container.endpoints.find(({ networkName }) => networkName === 'bridge');
}
