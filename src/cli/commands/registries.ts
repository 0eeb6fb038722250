import type { Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';
import { declareRegistryAccounts } from './registries-accounts.ts';
import { declareRegistryLimits } from './registries-limits.ts';
import { declareRegistryRules } from './registries-rules.ts';
import type { CollectFlags, StartFlags } from './registry.ts';

const repeatable = (text: string, before: string[]): string[] => [...before, text];

/** The commands of the built-in registry. Their code is loaded when they run. */
export function declareRegistryCommands(root: Command, context: Context): void {
  const registry = root
    .command('registry')
    .description('an OCI registry on the images of this engine')
    .addHelpText(
      'after',
      examples(
        'berth registry start                                  # for this machine, http://127.0.0.1:5000',
        'docker tag app "$(berth registry url)/team/app:1"',
        'docker push "$(berth registry url)/team/app:1"        # copies nothing',
        "berth registry users add ci --grant 'team/**=pull,push' <password.txt",
        'berth registry start --address 0.0.0.0:5000 --name registry.example.org:5000   # for others, with TLS',
        "berth registry mirrors add '*'                        # any other registry through this one",
      ),
    );
  declareServing(registry, context);
  declareContent(registry, context);
  declareUpkeep(registry, context);
  declareRegistryAccounts(registry, context);
  declareRegistryLimits(registry, context);
  declareRegistryRules(registry, context);
}

function declareServing(registry: Command, context: Context): void {
  registry
    .command('start')
    .description('serve it from now on, also after restarts; what is not said stays as it was')
    .option('--address <address:port>', 'where it listens (127.0.0.1:5000)')
    .option(
      '--name <host[:port]>',
      'a name that clients reach it by; may be given several times',
      repeatable,
      [],
    )
    .option(
      '--tls <mode>',
      "auto, off (on loopback only), local (this machine signs), acme (Let's Encrypt), files",
    )
    .option('--tls-cert <file>', 'PEM of the certificate, for files')
    .option('--tls-key <file>', 'PEM of its key')
    .option('--json', 'print the state as JSON')
    .addHelpText(
      'after',
      examples(
        'berth registry start',
        'berth registry start --address 0.0.0.0:5000 --name registry.example.org:5000',
        'berth registry start --address 0.0.0.0:443 --name registry.example.org --tls acme',
        'berth registry start --address 0.0.0.0:443 --tls files --tls-cert /etc/tls/cert.pem --tls-key /etc/tls/key.pem',
      ),
    )
    .action(async (options: StartFlags) => (await import('./registry.ts')).startRegistry(context, options));
  registry
    .command('stop')
    .description('serve it no more; what it holds stays')
    .option('--json', 'print the state as JSON')
    .action(async () => (await import('./registry.ts')).stopRegistry(context));
  registry
    .command('status')
    .description('whether, where and how it is served')
    .option('--json', 'print it as JSON')
    .action(async () => (await import('./registry.ts')).showRegistry(context));
  registry
    .command('url')
    .description('print the first part of the names of its images')
    .addHelpText('after', examples('docker push "$(berth registry url)/team/app:1"'))
    .action(async () => (await import('./registry.ts')).printUrl(context));
  registry
    .command('ca')
    .description("print the certificate of this machine's authority, for clients to trust")
    .addHelpText('after', examples('berth registry ca >/etc/docker/certs.d/registry.example.org:5000/ca.crt'))
    .action(async () => (await import('./registry.ts')).printAuthority(context));
}

function declareContent(registry: Command, context: Context): void {
  registry
    .command('ls')
    .description('list the repositories with what they hold, and what of it is theirs alone')
    .option('--json', 'print them as JSON')
    .action(async () => (await import('./registry.ts')).listRepositories(context));
  registry
    .command('tags <repository>')
    .description('list the tags of a repository')
    .option('--json', 'print them as JSON')
    .addHelpText('after', examples('berth registry tags team/app'))
    .action(async (repository: string) => (await import('./registry.ts')).listTags(context, repository));
  registry
    .command('rm <name...>')
    .description('remove REPOSITORY:TAG, or REPOSITORY@DIGEST with all its tags; gc frees the space')
    .option('--json', 'print what was removed as JSON')
    .addHelpText('after', examples('berth registry rm team/app:1.0', 'berth registry rm team/app@sha256:...'))
    .action(async (names: string[]) => (await import('./registry.ts')).removeContent(context, names));
}

function declareUpkeep(registry: Command, context: Context): void {
  registry
    .command('gc')
    .description('apply retention and let go of what nothing needs, while the registry is used')
    .option('--dry-run', 'show what would go')
    .option('--untagged', 'also manifests without a tag that nothing refers to')
    .option('--grace <seconds>', 'what came since stays (3600)')
    .option('--upload-age <seconds>', 'uploads that nothing came for since go (86400)')
    .option('--json', 'print what went as JSON')
    .addHelpText('after', examples('berth registry gc --dry-run', 'berth registry gc --untagged'))
    .action(async (options: CollectFlags) =>
      (await import('./registry.ts')).collectGarbage(context, options),
    );
  registry
    .command('verify')
    .description('hash every blob anew, set damaged ones aside and fetch them again where possible')
    .option('--json', 'print findings as JSON, one a line')
    .addHelpText('after', '\nExit code 1: something is damaged or missing and could not be repaired.')
    .action(async () => (await import('./registry.ts')).verifyRegistry(context));
}
