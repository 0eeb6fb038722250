import type { Command } from 'commander';
import type { RouteAnswer } from '#api/types/ingress.ts';
import { examples } from '#cli/commands/host.ts';
import type { Context } from '#cli/context.ts';

/** `berth ingress ...`: how apps are reached from outside. */
export function declareIngressCommands(root: Command, context: Context): void {
  const ingress = root.command('ingress').description('how apps are reached from outside');
  ingress
    .command('ls')
    .description('list the routes: certificates with their ends, backends, ready replicas')
    .option('--json', 'print them as JSON')
    .addHelpText(
      'after',
      examples('berth ingress ls', "berth ingress ls --json | jq '.[].certificate.expires'"),
    )
    .action(() => listRoutes(context));
}

async function listRoutes({ client, output }: Context): Promise<void> {
  const routes = await (await client()).json<RouteAnswer[]>({ path: '/berth/v1/ingress' });
  output.json(routes);
  output.table(
    [
      ['APP/SERVICE', 'ROUTE', 'PORT', 'TLS', 'EXPIRES', 'READY', 'BACKEND'],
      ...routes.map((route) => [
        `${route.app}/${route.service}`,
        routeOf(route),
        String(route.entrypoint),
        route.tls,
        expiry(route),
        String(route.ready),
        route.backend,
      ]),
    ],
    'No app has ingress.',
  );
  for (const { host, certificate } of routes)
    if (certificate?.problem !== undefined) output.print(`${host}: ${certificate.problem}`);
}

function routeOf({ host, path, exact, protocol }: RouteAnswer): string {
  if (protocol === 'tcp') return host === '' ? 'tcp' : `tcp ${host}`;
  return `${host === '' ? '*' : host}${path}${exact || path === '/' ? '' : '/...'}`;
}

function expiry({ certificate }: RouteAnswer): string {
  if (certificate === undefined) return '-';
  return certificate.isStandIn ? 'waiting' : certificate.expires.slice(0, 10);
}
