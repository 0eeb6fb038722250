import { access, constants, mkdir } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { invalid, messageOf, reasonOf } from '#base/errors.ts';
import type { BuildBody, BuildLine } from '#api/types/builds.ts';
import { newId } from '#base/ids.ts';
import type { Client } from '#cli/client.ts';
import type { Context } from '#cli/context.ts';
import { ensureDaemon } from '#cli/daemon-start.ts';
import { DockerConfig } from '#cli/registry/docker-config.ts';
import { BuildRenderer } from '#cli/render/build.ts';
import { interruption } from './app-api.ts';
import { BuildArchives } from './build-archives.ts';
import { stdinContext } from './build-stdin.ts';
import { fileContent } from './given-files.ts';
import { givenSecrets } from './given-secrets.ts';
import {
  agentOf,
  cacheSourceOf,
  cacheTargetOf,
  contextOf,
  isRemote,
  outputOf,
  type ChosenOutput,
} from './build-choices.ts';

export interface BuildOptions {
  file?: string;
  tag: string[];
  buildArg: string[];
  buildContext: string[];
  secret: string[];
  ssh: string[];
  label: string[];
  target?: string;
  platform?: string;
  network?: string;
  addHost: string[];
  allow: string[];
  pull?: true;
  /** False by `--no-cache`. */
  cache: boolean;
  /** `--no-cache-filter`: commander takes it for the negation of `--cache-filter`. */
  cacheFilter: string[];
  output: string[];
  push?: true;
  cacheFrom: string[];
  cacheTo: string[];
  annotation: string[];
  provenance?: string;
  sbom?: string;
  check?: true;
  verify?: true;
  quiet?: true;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `berth build`. Ends with 1 where the build fails, the check finds something or the two builds differ. */
export async function build(context: Context, folder: string, options: BuildOptions): Promise<void> {
  const { environment } = context.program;
  const outputs = options.output.map((each) => outputOf(each, owner()));
  if (options.push === true) outputs.push({ choice: { type: 'image', names: options.tag, push: true } });
  for (const output of outputs) await prepareOutput(output);
  const standard = folder === '-' ? await fromStdin(options) : undefined;
  const body: BuildBody = {
    ...(await inputs(folder, options, environment)),
    ...standard?.body,
    ...results(options),
    outputs: outputs.map(({ choice }) => choice),
    ...(await credentials(context)),
    mode: options.check === true ? 'check' : options.verify === true ? 'verify' : 'build',
  };
  const client = await ensureDaemon(context);
  const archives = new BuildArchives(outputs.map(({ dest }) => dest));
  const renderer = new BuildRenderer(context.output, { quiet: options.quiet === true });
  const over = new AbortController();
  const signal = AbortSignal.any([interruption(), over.signal]);
  const call = { method: 'POST' as const, path: '/berth/v1/builds', body, signal };
  const sent = standard?.send?.(client, signal);
  // Awaited below; what the build says of it goes first.
  sent?.catch(() => undefined);
  try {
    for await (const line of client.lines<BuildLine>(call)) {
      if (line.error !== undefined) throw invalid('build-failed', line.error);
      if (line.output !== undefined) await archives.write(line.output);
      else renderer.show(line);
    }
    await archives.finish();
    await sent;
  } finally {
    over.abort();
    await archives.close();
    renderer.end();
  }
  if (renderer.isBad) process.exitCode = 1;
}

/** What cannot be written is told before the build. @throws invalid `output-unwritable` */
async function prepareOutput({ choice, dest = '-' }: ChosenOutput): Promise<void> {
  if (dest === '-') return;
  try {
    if (choice.type === 'local') await mkdir(choice.folder, { recursive: true });
    else await access(dirname(resolve(dest)), constants.W_OK);
  } catch (error) {
    throw invalid('output-unwritable', `--output: '${dest}' cannot be written: ${reasonOf(error)}`);
  }
}

async function inputs(
  folder: string,
  options: BuildOptions,
  environment: Environment,
): Promise<Omit<BuildBody, 'outputs' | 'mode'>> {
  const buildArgs = pairs(options.buildArg, environment);
  const epoch = buildArgs['SOURCE_DATE_EPOCH'] ?? environment['SOURCE_DATE_EPOCH'] ?? '';
  const { target, platform, network, pull } = options;
  const agents = options.ssh.map((each) => agentOf(each, environment['SSH_AUTH_SOCK'] ?? ''));
  return {
    context: isRemote(folder) ? { remote: folder } : { folder: resolve(folder) },
    ...(folder !== '-' && (await dockerfile(folder, options.file))),
    ...(agents.length > 0 && { ssh: Object.fromEntries(agents) }),
    contexts: Object.fromEntries(options.buildContext.map(contextOf)),
    secrets: await givenSecrets(options.secret, environment),
    buildArgs,
    labels: pairs(options.label, {}),
    extraHosts: options.addHost,
    allow: options.allow.map(entitlement),
    ...(target !== undefined && { target }),
    ...platformsOf(platform),
    ...(network !== undefined && { network }),
    ...(pull !== undefined && { pull }),
    ...(epoch !== '' && { sourceDateEpoch: seconds(epoch) }),
  };
}

function results(
  options: BuildOptions,
): Pick<BuildBody, 'tags' | 'noCache' | 'noCacheFor' | 'cacheFrom' | 'cacheTo' | 'annotations' | 'attest'> {
  const { provenance, sbom } = options;
  return {
    tags: options.tag,
    noCache: !options.cache,
    noCacheFor: options.cacheFilter,
    cacheFrom: options.cacheFrom.map(cacheSourceOf),
    cacheTo: options.cacheTo.map(cacheTargetOf),
    annotations: options.annotation,
    ...((provenance !== undefined || sbom !== undefined) && {
      attest: {
        ...(provenance !== undefined && { provenance }),
        ...(sbom !== undefined && { sbom }),
      },
    }),
  };
}

/** A Dockerfile within the folder is named to the daemon; another one is sent. */
async function dockerfile(
  folder: string,
  file: string | undefined,
): Promise<Pick<BuildBody, 'dockerfile' | 'dockerfileText'>> {
  if (file === undefined) return {};
  if (file === '-') return { dockerfileText: await text(process.stdin) };
  const inside = relative(resolve(folder), resolve(file));
  if (!isRemote(folder) && !inside.startsWith('..') && !isAbsolute(inside)) return { dockerfile: inside };
  return { dockerfileText: (await fileContent(file)).toString('utf8') };
}

/** What `berth build -` reads, and how an archive gets to the daemon. */
async function fromStdin({ file }: BuildOptions): Promise<{
  body: Pick<BuildBody, 'context' | 'dockerfile' | 'dockerfileText'>;
  send?: (client: Client, signal: AbortSignal) => Promise<unknown>;
}> {
  if (file === '-')
    throw invalid('option-invalid', "standard input is the context or the Dockerfile ('-f -'), not both");
  const found = await stdinContext(process.stdin);
  if ('dockerfile' in found) {
    if (file !== undefined)
      throw invalid('option-invalid', `there are two Dockerfiles: standard input and -f ${file}`);
    return { body: { context: { empty: true }, dockerfileText: found.dockerfile } };
  }
  const upload = newId();
  const query = { version: '2', buildid: `upload-request:${upload}` };
  const { archive } = found;
  return {
    body: { context: { upload }, ...(file !== undefined && { dockerfile: file }) },
    send: (client, signal) =>
      client.text({
        ...{ method: 'POST', path: '/build', query, stream: archive, signal },
        headers: { 'content-type': 'application/x-tar' },
      }),
  };
}

function platformsOf(given = ''): Pick<BuildBody, 'platform' | 'platforms'> {
  const [platform, ...more] = given.split(',').filter((each) => each !== '');
  if (platform === undefined) return {};
  return more.length === 0 ? { platform } : { platforms: [platform, ...more] };
}

function pairs(given: readonly string[], environment: Environment): Record<string, string> {
  return Object.fromEntries(
    given.flatMap((pair) => {
      const [, name = pair, value] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
      const found = value ?? environment[name];
      return found === undefined ? [] : [[name, found] as const];
    }),
  );
}

function entitlement(name: string): 'network.host' | 'security.insecure' {
  if (name === 'network.host' || name === 'security.insecure') return name;
  throw invalid('option-invalid', `--allow '${name}': required is network.host or security.insecure`);
}

function seconds(epoch: string): number {
  if (/^\d+$/.test(epoch)) return Number(epoch);
  throw invalid(
    'source-date-epoch-invalid',
    `invalid SOURCE_DATE_EPOCH: '${epoch}': required are seconds since 1970`,
  );
}

/** Who gets the files of `type=local`; root keeps the owners that the image has. */
function owner(): { uid: number; gid: number } | undefined {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  return uid === undefined || gid === undefined || uid === 0 ? undefined : { uid, gid };
}

async function credentials({ program, output }: Context): Promise<Pick<BuildBody, 'registries'>> {
  const config = await DockerConfig.read(program.environment);
  const registries = await config.all((error) => output.note(`warning: ${messageOf(error)}`));
  return Object.keys(registries).length === 0 ? {} : { registries };
}
