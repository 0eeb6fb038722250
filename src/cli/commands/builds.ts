import type { Command } from 'commander';
import type { Context } from '#cli/context.ts';
import { examples } from '#cli/commands/host.ts';
import type { BuildOptions } from './build.ts';

const repeatable = (text: string, before: string[]): string[] => [...before, text];

/** The command that builds images. Its code is loaded when it runs. */
export function declareBuildCommand(root: Command, context: Context): void {
  const build = root
    .command('build [folder]')
    .description('build an image from the Dockerfile of a folder, or from standard input by -')
    .option('-f, --file <file>', 'the Dockerfile, or - for standard input (FOLDER/Dockerfile)')
    .option('-t, --tag <name>', 'a name of the image; may be given several times', repeatable, []);
  declareInputs(build);
  declareResults(build);
  build
    .option('--check', 'say what is wrong with the Dockerfile, and build nothing')
    .option('--verify', 'build twice without the cache; name the first file that differs')
    .option('-q, --quiet', 'print only the id of the image')
    .option('--json', 'print all that happens as JSON, one object a line')
    .addHelpText(
      'after',
      examples(
        'berth build -t app:1 .',
        'berth build -o type=local,dest=out --target dist .',
        'berth build --cache-to type=local,dest=/var/cache/app --cache-from type=local,src=/var/cache/app .',
        'SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) berth build --verify -t app:1 .',
      ),
    )
    .action(async (folder: string | undefined, options: BuildOptions) => {
      const { build: run } = await import('./build.ts');
      await run(context, folder ?? '.', options);
    });
}

function declareInputs(build: Command): void {
  build
    .option('--build-arg <name[=value]>', 'a value of an ARG; without one that of this shell', repeatable, [])
    .option('--build-context <name=place>', 'a folder or docker-image://NAME of that name', repeatable, [])
    .option(
      '--secret <id=...>',
      'for RUN --mount=type=secret: id=NAME,src=FILE or id=NAME,env=NAME',
      repeatable,
      [],
    )
    .option(
      '--ssh <default>',
      'for RUN --mount=type=ssh: default or ID (the agent of this shell), ID=SOCKET or ID=KEY',
      repeatable,
      [],
    )
    .option('--label <name=value>', 'a label of the image', repeatable, [])
    .option('--target <stage>', 'the stage to build')
    .option('--platform <platform>', 'such as linux/arm64; several with a comma, into one index')
    .option('--network <mode>', 'of RUN: default, none, host or the name of a network')
    .option('--add-host <name:address>', 'a name that RUN resolves', repeatable, [])
    .option('--allow <entitlement>', 'network.host or security.insecure', repeatable, [])
    .option('--pull', 'ask the registries for the bases even when they are here')
    .option('--no-cache', 'take nothing from the cache')
    .option('--no-cache-filter <stage>', 'take nothing from the cache for a stage', repeatable, []);
}

function declareResults(build: Command): void {
  build
    .option(
      '-o, --output <type=...>',
      'image, oci, docker, tar or local, with dest=PATH (- for stdout)',
      repeatable,
      [],
    )
    .option(
      '--annotation <key=value>',
      'a note on the manifest; index:, manifest-descriptor: and the like before KEY say where, [linux/arm64] of which',
      repeatable,
      [],
    )
    .option('--push', 'push the image under its names')
    .option(
      '--provenance <true>',
      'attest how the image was made, in what is pushed and in -o type=oci; mode=max tells all',
    )
    .option('--sbom <true>', 'attest what is installed in the image')
    .option(
      '--cache-from <type=...>',
      'a cache to take from: a reference, or type=local,src=FOLDER',
      repeatable,
      [],
    )
    .option(
      '--cache-to <type=...>',
      'where the cache goes: inline, registry,ref=NAME or local,dest=FOLDER, with mode=max of all stages',
      repeatable,
      [],
    );
}
