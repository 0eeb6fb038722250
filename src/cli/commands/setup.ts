import type { BerthError } from '#base/errors.ts';
import { unavailable } from '#base/errors.ts';
import type { Context } from '#cli/context.ts';
import { visibly } from '#cli/host/command.ts';
import { enableForwarding, mountStrayControllers, persistForwarding } from '#cli/host/kernel-settings.ts';
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
  const isRoot = process.getuid?.() === 0;
  await installPackages(output, isRoot, options.forTests === true);
  if (!isRoot)
    throw unavailable('setup-incomplete', 'the kernel settings need root', { hint: 'run: sudo berth setup' });

  step(output, await enableForwarding(), 'IPv4 forwarding is on');
  step(output, await persistForwarding(), 'IPv4 forwarding will be on after a reboot');
  step(output, await mountStrayControllers(), 'control groups are as crun needs them');
  if (options.systemd === true) {
    const { installUnit } = await import('#cli/host/systemd.ts');
    step(output, await installUnit(), 'the systemd unit berth.service is in place');
  }
  output.print('This machine is ready: berth doctor shows the details.');
}

function step(output: Output, done: string | undefined, already: string): void {
  output.print(
    done === undefined
      ? `${output.paint('green', 'ok')}    ${already}`
      : `${output.paint('yellow', 'done')}  ${done}`,
  );
}

async function installPackages(output: Output, isRoot: boolean, forTests: boolean): Promise<void> {
  const purposes: Readonly<Record<string, string>> = { ...needed, ...(forTests && neededByTests) };
  const wanted = await missing(Object.keys(purposes));
  const client = forTests ? await dockerClientPackage() : undefined;
  if (client !== undefined) wanted.push(client);
  if (wanted.length === 0) {
    step(output, undefined, 'all packages are installed');
    return;
  }
  for (const name of wanted)
    output.print(`${output.paint('yellow', 'need')}  ${name}: ${purposes[name] ?? 'the docker client'}`);
  const line = `apt-get install -y --no-install-recommends ${wanted.join(' ')}`;
  if (!(await hasApt()))
    throw incomplete('these packages are missing, and this is not Debian or Ubuntu', wanted.join(' '));
  if (!isRoot) throw incomplete('these packages are missing, and only root can install them', `sudo ${line}`);
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
