import { isKind } from '#base/errors.ts';
import type { OpenPort } from '#cli/commands/open-ports.ts';
import type { Context } from '#cli/context.ts';
import { examine, type Check } from '#cli/host/checks.ts';
import * as kernel from '#cli/host/kernel-checks.ts';
import * as machine from '#cli/host/machine-checks.ts';
import type { Colour } from '#cli/output.ts';

const colours = { pass: 'green', warn: 'yellow', fail: 'red' } as const satisfies Record<
  Check['result'],
  Colour
>;

/** `berth doctor`: looks at everything that Berth needs of a machine. The exit code is 1 when a check fails. */
export async function doctor({ client, output, program }: Context): Promise<void> {
  const { settings } = await program.settings();
  const checks = await examine({
    kernel: kernel.kernel,
    cgroups: kernel.cgroups,
    overlayfs: kernel.overlay(await machine.nearestFolder(settings.root)),
    nftables: kernel.nftables,
    bridges: kernel.bridgeFilter,
    namespaces: kernel.namespaces,
    seccomp: kernel.seccomp,
    forwarding: kernel.forwarding,
    firewall: kernel.firewall,
    crun: machine.program('crun', '1.8.1'),
    conmon: machine.program('conmon', '2.1.6'),
    haproxy: machine.program('haproxy', '2.6.0'),
    mmdebstrap: machine.program('mmdebstrap', '1.3.5'),
    disk: machine.disk(settings.root),
    memory: machine.memory,
    clock: machine.clock,
    'dns-port': machine.dnsPort,
  });
  const ports = await outsidePorts(client);
  const isWell = checks.every(({ result }) => result !== 'fail');
  output.json({ ok: isWell, checks, ports });
  for (const { id, result, reason, fix } of checks) {
    output.print(`${output.paint(colours[result], result)}  ${id.padEnd(11)} ${reason}`);
    if (fix !== undefined) output.print(`      ${' '.repeat(11)} fix: ${fix}`);
  }
  if (ports.length > 0) output.print('Ports of this machine that are reached from outside:');
  for (const { address, port, protocol, reach, holder, why } of ports)
    output.print(`  ${address}:${port}/${protocol}  ${reach}  ${holder}: ${why}`);
  if (!isWell) process.exitCode = 1;
}

/** None while no daemon answers: then nothing of it is reached. */
async function outsidePorts(client: Context['client']): Promise<OpenPort[]> {
  try {
    const { openPorts } = await import('./open-ports.ts');
    return (await openPorts(await client())).filter(({ reach }) => reach !== 'private');
  } catch (error) {
    if (isKind(error, 'unavailable')) return [];
    throw error;
  }
}
