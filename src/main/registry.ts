import { notFound } from '#base/errors.ts';
import type { Settings } from '#domain/settings/settings.ts';
import { keyText } from '#domain/secret/secret.ts';
import type { Images } from '#engine/images/images.ts';
import type { Certificates } from '#engine/ingress/certificates.ts';
import type { OwnRegistry } from '#engine/registry/own-registry.ts';
import { Registry } from '#engine/registry/registry.ts';
import type { Secrets } from '#engine/secrets/secrets.ts';
import type { Adapters } from '#main/adapters.ts';

interface Nouns {
  images: Images;
  secrets: Secrets;
  certificates: Certificates;
  ownRegistry: OwnRegistry;
}

/** Constructs the built-in registry on what the engine has. */
export function openRegistry(
  settings: Settings,
  adapters: Adapters,
  { images, secrets, certificates, ownRegistry }: Nouns,
  report: (problem: string, error: unknown) => void,
): Registry {
  const keyOf = (name: string) => ({ noun: 'secret', app: '', name }) as const;
  const registry: Registry = new Registry({
    ...adapters,
    ...{ care: images.contents, settings: settings.registry, report },
    client: adapters.registry.passingOver((host) => registry.isNamed(host)),
    sender: adapters.webhooks,
    files: adapters.certificates.files,
    issueLocal: (hosts) => certificates.issueLocal(hosts),
    keptAcme: (hosts) => certificates.acme.kept(hosts),
    issueAcme: (hosts, signal) =>
      certificates.acme.issue(hosts, signal, (path, text) =>
        adapters.certificates.challenges.set(path, text),
      ),
    origins: (digest) => images.contents.origins(digest),
    secretValue: (name) => {
      const version = secrets.latest(keyOf(name));
      if (version === undefined)
        throw notFound('secret-missing', `there is no secret '${name}'`, {
          hint: `berth secret set ${name}`,
        });
      return secrets.value({ key: keyText(keyOf(name)), version });
    },
  });
  secrets.usedBy(() =>
    registry.secretsInUse().flatMap(({ secret, holder }) => {
      const version = secrets.latest(keyOf(secret));
      return version === undefined ? [] : [{ holder, reference: { key: keyText(keyOf(secret)), version } }];
    }),
  );
  ownRegistry.serve(registry);
  return registry;
}
