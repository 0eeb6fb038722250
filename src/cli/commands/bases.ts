import type { Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';
import type { OutdatedOptions, RefreshOptions } from './base-refresh.ts';
import type { SbomOptions, VerifyOptions } from './base.ts';

const repeatable = (text: string, before: string[]): string[] => [...before, text];

/** The commands of base images. Their code is loaded when they run. */
export function declareBaseCommands(root: Command, context: Context): void {
  const base = root
    .command('base')
    .description('base images made from signed Debian packages: what there is, what is outdated, patches')
    .addHelpText(
      'after',
      examples(
        'berth base ls',
        'berth base outdated',
        'berth base refresh --dry-run',
        'berth base refresh --deploy',
      ),
    );
  declareViews(base, context);
  declareRefresh(base, context);
  root
    .command('sbom <image>')
    .description("print an image's bill of materials, from its package database (dpkg or apk)")
    .option('--format <format>', 'spdx (2.3) or cyclonedx (1.5)', 'spdx')
    .option('--json', 'on one line')
    .addHelpText(
      'after',
      examples('berth sbom debian.berth/python:3.11', 'berth sbom shop-web --format cyclonedx'),
    )
    .action(async (image: string, options: SbomOptions) => {
      const { printSbom } = await import('./base.ts');
      await printSbom(context, image, options);
    });
}

function declareViews(base: Command, context: Context): void {
  base
    .command('ls')
    .description('list the catalogue, and what of it has been made here')
    .option('--json', 'print it as JSON')
    .addHelpText('after', examples('berth base ls', 'docker pull debian.berth/node:18'))
    .action(async () => {
      const { listBases } = await import('./base.ts');
      await listBases(context);
    });
  base
    .command('show <image>')
    .description('show a base, or any image, with its packages and what is attached to it')
    .option('--json', 'print it as JSON')
    .addHelpText('after', examples('berth base show python', 'berth base show shop-web'))
    .action(async (image: string) => {
      const { showBase } = await import('./base.ts');
      await showBase(context, image);
    });
  base
    .command('verify <image>')
    .description("check an image's signature and that it is as it was signed")
    .option(
      '--key <file>',
      'a public key (PEM): check signatures in the registry that the image was pulled from or pushed to',
    )
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      examples(
        'berth base verify debian.berth/python:3.11',
        'berth base verify --key cosign.pub registry.example.org/team/app:1',
      ),
    )
    .action(async (image: string, options: VerifyOptions) => {
      const { verifyBase } = await import('./base.ts');
      await verifyBase(context, image, options);
    });
  base
    .command('key')
    .description('print the public key by which this installation signs (PEM, as cosign and openssl take it)')
    .option('--json', 'print it as JSON')
    .addHelpText('after', examples('berth base key >berth.pub'))
    .action(async () => {
      const { printKey } = await import('./base.ts');
      await printKey(context);
    });
}

function declareRefresh(base: Command, context: Context): void {
  base
    .command('outdated')
    .description('list images and running services whose packages the mirror has newer')
    .option(
      '-v, --verbose',
      'name the packages, with the versions that are installed and those of the mirror',
    )
    .option('--security', 'only those with security updates, and what was built from them')
    .option('--exit-code', 'exit with 1 when there are any')
    .option('--json', 'print them as JSON')
    .addHelpText(
      'after',
      examples('berth base outdated', 'berth base outdated -v', 'berth base outdated --security --exit-code'),
    )
    .action(async (options: OutdatedOptions) => {
      const { listOutdated } = await import('./base-refresh.ts');
      await listOutdated(context, options);
    });
  base
    .command('refresh [image]')
    .description('rebuild outdated bases and everything built FROM them, in order')
    .option('--dry-run', 'only say what would be done')
    .option('--deploy', 'give running apps what was rebuilt, by a rolling update')
    .option(
      '--secret <id=...>',
      'for builds that were given this one, which is not kept: id=NAME,src=FILE or id=NAME,env=NAME',
      repeatable,
      [],
    )
    .option('--json', 'print the events as JSON')
    .addHelpText(
      'after',
      examples(
        'berth base refresh --dry-run',
        'berth base refresh --deploy',
        'berth base refresh shop-web --secret id=npm,src=npm-token',
      ),
    )
    .action(async (image: string | undefined, options: RefreshOptions) => {
      const { refreshBases } = await import('./base-refresh.ts');
      await refreshBases(context, image, options);
    });
  base
    .command('schedule')
    .description('show when bases are refreshed by themselves, and how it went')
    .option('--json', 'print it as JSON')
    .addHelpText('after', examples('berth base schedule'))
    .action(async () => {
      const { showSchedule } = await import('./base-refresh.ts');
      await showSchedule(context);
    });
}
