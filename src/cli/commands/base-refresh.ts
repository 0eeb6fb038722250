import { BerthError, unavailable } from '#base/errors.ts';
import type {
  DeploymentAnswer,
  OutdatedAnswer,
  RefreshBody,
  RefreshScheduleAnswer,
  RefreshStreamEvent,
} from '#api/types/bases.ts';
import type { Context } from '#cli/context.ts';
import type { Output } from '#cli/output.ts';
import { durationWords, timeWords } from '#cli/render/words.ts';
import { interruption } from './app-api.ts';
import { givenSecrets } from './given-secrets.ts';

export interface RefreshOptions {
  dryRun?: boolean;
  deploy?: boolean;
  secret: string[];
}

export interface OutdatedOptions {
  exitCode?: boolean;
  security?: boolean;
  verbose?: boolean;
}

export async function listOutdated({ client, output }: Context, options: OutdatedOptions): Promise<void> {
  const whole = await (await client()).json<OutdatedAnswer>({ path: '/berth/v1/bases/outdated' });
  const answer = options.security === true ? withSecurity(whole) : whole;
  output.json(answer);
  const { images, unknown } = answer;
  if (images.length === 0) output.print('Nothing is outdated.');
  else
    output.table([['SERVICE', 'IMAGE', 'PACKAGES', 'SECURITY', 'SINCE', 'WHY'], ...images.flatMap(rowsOf)]);
  if (options.verbose === true) for (const image of images) showPackages(output, image);
  if (images.length > 0) {
    output.note('berth base refresh rebuilds them; with --deploy apps get what was rebuilt.');
    if (options.verbose !== true) output.note('berth base outdated -v names the packages.');
  }
  for (const { name, reason } of unknown) output.note(`not compared: ${name}: ${reason}`);
  if (options.exitCode === true && images.length > 0) process.exitCode = 1;
}

type OutdatedImageAnswer = OutdatedAnswer['images'][number];

/** Images with security updates, and what was built from them. */
function withSecurity({ images, unknown }: OutdatedAnswer): OutdatedAnswer {
  const found = images.filter(({ packages }) => packages.some(({ security }) => security));
  const names = new Set(found.flatMap((image) => image.names));
  for (let before = -1; before < names.size;) {
    before = names.size;
    for (const image of images)
      if (image.from.some((name) => names.has(name))) for (const name of image.names) names.add(name);
  }
  return {
    unknown,
    images: images.filter((one) => found.includes(one) || one.names.some((name) => names.has(name))),
  };
}

/** A row for each service and container that runs it, or one for an image that nothing runs. */
function rowsOf(image: OutdatedImageAnswer): string[][] {
  const { packages, since, running } = image;
  const security = packages.filter((one) => one.security).length;
  const facts = [
    ...[
      nameOf(image),
      String(packages.length),
      String(security),
      durationWords(Date.now() - Date.parse(since)),
    ],
    reasonOf(image),
  ];
  const services = new Set(
    running.map(({ container, app, service }) => (app === undefined ? container : `${app}/${service ?? ''}`)),
  );
  return services.size === 0 ? [['-', ...facts]] : [...services].map((service) => [service, ...facts]);
}

const nameOf = ({ names, id }: OutdatedImageAnswer): string =>
  names.length === 0 ? `${id.slice(0, 19)} (its name was given to a newer one)` : names.join(', ');

function reasonOf({ packages, newer, from, base, names, pinned }: OutdatedImageAnswer): string {
  const reasons = [
    ...(newer.length > 0 ? ['its registry has a newer one'] : []),
    ...(from.length > 0 ? [`built from ${from.join(', ')}`] : []),
    ...(base !== '' && !names.includes(base) && from.length === 0 ? [`built upon ${base}`] : []),
    ...pinned.map((name) => `built from ${name}, which is pinned`),
  ];
  return reasons.length === 0 && packages.length > 0 ? 'newer packages' : reasons.join('; ');
}

function showPackages(output: Output, image: OutdatedImageAnswer): void {
  if (image.packages.length === 0) return;
  output.print();
  output.print(nameOf(image));
  for (const { name, installed, candidate, security } of image.packages)
    output.print(
      `  ${name} ${installed} -> ${candidate}${security ? output.paint('red', ' (security)') : ''}`,
    );
}

/** @throws conflict `base-refresh-failed` when an image or an app could not be refreshed */
export async function refreshBases(
  { client, output, program }: Context,
  image: string | undefined,
  { dryRun = false, deploy = false, secret }: RefreshOptions,
): Promise<void> {
  const signal = interruption();
  const secrets = await givenSecrets(secret, program.environment);
  const body: RefreshBody = { dryRun, deploy, secrets, ...(image === undefined ? {} : { image }) };
  const events = (await client()).lines<RefreshStreamEvent>({
    ...{ method: 'POST', path: '/berth/v1/bases/refresh', body, signal },
  });
  let last: RefreshStreamEvent | undefined;
  for await (const event of events) {
    output.json(event);
    show(output, event, dryRun);
    last = event;
  }
  if (last?.type === 'error')
    throw new BerthError(
      'conflict',
      last.code,
      last.message,
      last.hint === undefined ? {} : { hint: last.hint },
    );
  if (last?.type !== 'result')
    throw unavailable('daemon-gone', 'the daemon ended in the middle of the refresh', {
      hint: 'run the same command again: it goes on with what is left',
    });
  if (last.failed.length > 0)
    throw new BerthError(
      'conflict',
      'base-refresh-failed',
      `could not be refreshed: ${last.failed.join(', ')}`,
      {
        hint: 'what was refreshed stays; run the same command again for the rest',
      },
    );
}

function show(output: Output, event: RefreshStreamEvent, dryRun: boolean): void {
  if (event.type === 'note') output.note(event.message);
  if (event.type === 'plan') showPlan(output, event);
  if (event.type === 'progress') output.note(`  ${event.text}`);
  if (event.type === 'step') showStep(output, event);
  if (event.type === 'deploy') {
    const of = `${event.app} (${event.services.join(', ')})`;
    if (event.state === 'started') output.note(`Rolling update of ${of}`);
    if (event.state === 'done') output.print(`${of} runs what was rebuilt`);
    if (event.state === 'failed') output.print(`${of} was not updated: ${event.message}`);
    if (event.state === 'skipped') output.print(`${of} is left as it is: ${event.message}`);
  }
  if (event.type === 'result' && !dryRun) showResult(output, event);
}

function showPlan(output: Output, event: Extract<RefreshStreamEvent, { type: 'plan' }>): void {
  const { steps, blocked, deployments } = event;
  if (steps.length + blocked.length === 0) output.print('No image is outdated.');
  for (const { name, action, noCache } of steps)
    output.print(`${action} ${name}${noCache ? ' (without cache)' : ''}`);
  for (const { name, reason } of blocked) output.print(`cannot refresh ${name}: ${reason}`);
  for (const one of deployments) output.print(`then update ${deploymentWords(one)}`);
}

function showStep(output: Output, event: Extract<RefreshStreamEvent, { type: 'step' }>): void {
  const { name, action, state } = event;
  if (state === 'started') output.note(`${action} ${name}`);
  if (state === 'unchanged')
    output.print(`${name} is as before${event.message === undefined ? '' : `: ${event.message}`}`);
  if (state === 'done') {
    output.print(`${name} is new`);
    for (const change of event.changes)
      output.print(`  ${change.name} ${change.from || '-'} -> ${change.to || '-'}`);
  }
  if (state === 'failed' || state === 'skipped') output.print(`${name} ${state}: ${event.message}`);
}

function showResult(
  output: Output,
  { refreshed, waiting, failed }: Extract<RefreshStreamEvent, { type: 'result' }>,
): void {
  if (refreshed.length > 0) output.print(`${count(refreshed.length, 'image')} refreshed.`);
  for (const one of waiting.filter(({ app }) => !failed.includes(app)))
    output.print(
      `${deploymentWords(one)} still runs the former image: berth base refresh --deploy updates it`,
    );
}

const deploymentWords = ({ app, services }: DeploymentAnswer): string => `${app} (${services.join(', ')})`;

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

export async function showSchedule({ client, output }: Context): Promise<void> {
  const answer = await (await client()).json<RefreshScheduleAnswer>({ path: '/berth/v1/bases/schedule' });
  output.json(answer);
  const { setting, deploy, next, last } = answer;
  output.print(
    setting === 'off'
      ? 'Bases are not refreshed by themselves: the setting bases.refresh is off.'
      : `bases.refresh is '${setting}', ${deploy ? 'apps are updated too' : 'apps are left as they are (bases.deploy)'}; next at ${next ?? '-'}`,
  );
  if (last === undefined) return;
  const { started, ended, refreshed, failed, error } = last;
  const outcome = error ?? `${refreshed.length} refreshed, ${failed.length} failed`;
  output.print(`Last ${timeWords(started)}: ${ended === '' ? 'goes on' : outcome}`);
  for (const name of failed) output.print(`  failed: ${name}`);
}
