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
export async function doctor({ output, program }: Context): Promise<void> {
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
  const isWell = checks.every(({ result }) => result !== 'fail');
  output.json({ ok: isWell, checks });
  for (const { id, result, reason, fix } of checks) {
    output.print(`${output.paint(colours[result], result)}  ${id.padEnd(11)} ${reason}`);
    if (fix !== undefined) output.print(`      ${' '.repeat(11)} fix: ${fix}`);
  }
  if (!isWell) process.exitCode = 1;
}
