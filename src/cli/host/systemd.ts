import { access, writeFile } from 'node:fs/promises';
import { unavailable } from '#base/errors.ts';
import { command } from '#cli/host/command.ts';
import { textOf } from '#cli/host/kernel-settings.ts';

const path = '/etc/systemd/system/berth.service';

/** Whether systemd is this machine's init (sd_booted(3)). */
export async function hasSystemd(): Promise<boolean> {
  return access('/run/systemd/system').then(
    () => true,
    () => false,
  );
}

/**
 * The unit of the daemon. Only the daemon is stopped with it (KillMode=process): containers and their
 * monitors go on. Delegate keeps systemd's hands off the containers' control groups.
 */
function unitText(program: string): string {
  return `[Unit]
Description=Berth container platform
After=network-online.target nss-lookup.target
Wants=network-online.target

[Service]
ExecStart=${program} daemon
Restart=always
RestartSec=1
KillMode=process
Delegate=yes
TasksMax=infinity
LimitNOFILE=1048576
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
`;
}

/** Writes, enables and starts the unit. Gives what it did, undefined when it was in place and runs. */
export async function installUnit(): Promise<string | undefined> {
  if (!(await hasSystemd()))
    throw unavailable('systemd-missing', 'systemd is not the init of this machine', {
      hint: "start the daemon with 'berth daemon', or let 'berth up' start it",
    });
  const wanted = unitText(launcher());
  const isThere = (await textOf(path)) === wanted;
  if (isThere && (await command('systemctl', ['is-active', '--quiet', 'berth.service'])).code === 0)
    return undefined;
  if (!isThere) await writeFile(path, wanted);
  for (const args of [['daemon-reload'], ['enable', '--now', 'berth.service']]) {
    const { code, stderr } = await command('systemctl', args);
    if (code !== 0) throw unavailable('systemd-failed', `systemctl ${args.join(' ')}: ${stderr.trim()}`);
  }
  return `started the systemd unit berth.service (${path})`;
}

/** Absolute path of the launcher that this program came from. */
export function launcher(): string {
  return new URL('../../../berth', import.meta.url).pathname;
}
