import type { BerthError } from '#base/errors.ts';
import { unavailable } from '#base/errors.ts';
import type { Context } from '#cli/context.ts';
import { visibly } from '#cli/host/command.ts';
import {
  enableForwarding,
  loadBridgeFilter,
  missingSettings,
  mountStrayControllers,
  persistForwarding,
} from '#cli/host/kernel-settings.ts';
import { dockerClientPackage, hasApt, missing, needed, neededByTests } from '#cli/host/packages.ts';
import type { Output } from '#cli/output.ts';

export interface SetupOptions {
  forTests?: true;
  systemd?: true;
}

/**
 * `berth setup`: each step says what it does and why, or that nothing is to do. Safe to run again.
 * @throws unavailable `setup-incomplete` saying exactly what a person has to do
 */
export async function setup({ output }: Context, options: SetupOptions): Promise<void> {
  if (process.getuid?.() !== 0) {
    await tellMissing(output, options);
    return;
  }
  await installPackages(output, options.forTests === true);
  step(output, await enableForwarding(), 'IPv4 forwarding is on');
  step(output, await persistForwarding(), 'IPv4 forwarding will be on after a reboot');
  const bridges = await loadBridgeFilter();
  if (bridges.lacking === undefined) step(output, bridges.done, 'bridges can be filtered');
  else output.print(`${output.paint('yellow', 'lacks')} ${bridges.lacking}`);
  step(output, await mountStrayControllers(), 'control groups are as crun needs them');
  if (options.systemd === true) {
    const { installUnit } = await import('#cli/host/systemd.ts');
    step(output, await installUnit(), 'the systemd unit berth.service is in place');
  }
  output.print('This machine is ready: berth doctor shows the details.');
}

/** For who is not root: what is missing, and nothing is changed. @throws unavailable `setup-incomplete` */
async function tellMissing(output: Output, options: SetupOptions): Promise<void> {
  const { wanted, purposes } = await missingPackages(options.forTests === true);
  const packages = wanted.map((name) => `${name}: ${purposes[name] ?? 'the docker client'}`);
  const settings = await missingSettings();
  const unit =
    options.systemd === true ? ['the systemd unit berth.service: only root can look after it'] : [];
  const all = [...packages, ...settings, ...unit];
  for (const each of all) output.print(`${output.paint('yellow', 'need')}  ${each}`);
  if (all.length === 0) {
    step(output, undefined, 'nothing is missing: berth doctor shows the details');
    return;
  }
  const flags = [options.forTests && ' --for-tests', options.systemd && ' --systemd']
    .filter(Boolean)
    .join('');
  const what = all.length === 1 ? 'one thing is' : `${all.length} things are`;
  throw unavailable('setup-incomplete', `${what} missing, and only root can change that`, {
    hint: `run: sudo berth setup${flags}`,
  });
}

async function missingPackages(
  forTests: boolean,
): Promise<{ wanted: string[]; purposes: Readonly<Record<string, string>> }> {
  const purposes: Readonly<Record<string, string>> = { ...needed, ...(forTests && neededByTests) };
  const wanted = await missing(Object.keys(purposes));
  const client = forTests ? await dockerClientPackage() : undefined;
  return { wanted: client === undefined ? wanted : [...wanted, client], purposes };
}

function step(output: Output, done: string | undefined, already: string): void {
  output.print(
    done === undefined
      ? `${output.paint('green', 'ok')}    ${already}`
      : `${output.paint('yellow', 'done')}  ${done}`,
  );
}

async function installPackages(output: Output, forTests: boolean): Promise<void> {
  const { wanted, purposes } = await missingPackages(forTests);
  if (wanted.length === 0) {
    step(output, undefined, 'all packages are installed');
    return;
  }
  for (const name of wanted)
    output.print(`${output.paint('yellow', 'need')}  ${name}: ${purposes[name] ?? 'the docker client'}`);
  const line = `apt-get install -y --no-install-recommends ${wanted.join(' ')}`;
  if (!(await hasApt()))
    throw incomplete('these packages are missing, and this is not Debian or Ubuntu', wanted.join(' '));
  await apt(wanted, line);
  step(output, `installed ${wanted.join(', ')}`, '');
}

async function apt(wanted: string[], line: string): Promise<void> {
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = (): Promise<number> =>
    visibly('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...wanted], environment);
  // The package lists may be absent or old: they are fetched only when installing without fails.
  if ((await install()) === 0) return;
  await visibly('apt-get', ['update', '-qq'], environment);
  if ((await install()) !== 0) throw incomplete('apt-get could not install the missing packages', line);
}

function incomplete(message: string, todo: string): BerthError {
  return unavailable('setup-incomplete', message, { hint: `install them: ${todo}` });
}
