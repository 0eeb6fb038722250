import type { AppAnswer, ServiceAnswer } from '#api/types/apps.ts';
import type { Context } from '#cli/context.ts';
import { address, durationWords, stateWords } from '#cli/render/words.ts';
import { AppApi } from './app-api.ts';

/** Shows the services of one app, or, where no app is meant, of all. */
export async function ps(context: Context, target: string | undefined): Promise<void> {
  const api = new AppApi(await context.client());
  const one = await api.find(target, process.cwd());
  const apps = one === undefined ? await api.list() : [one];
  const { output } = context;
  output.json(apps);
  const headings = ['APP', 'SERVICE', 'REPLICAS', 'STATE', 'UP FOR', 'PORTS'];
  output.table(
    [headings, ...apps.flatMap((app) => rows(app, Date.now()))],
    apps.length === 0 ? 'No apps. Bring one up with: berth up DIR' : undefined,
  );
  for (const line of apps.flatMap(crashLoops)) output.print(line);
}

function crashLoops(app: AppAnswer): string[] {
  return app.services.flatMap(({ name, crashLoops: loops = [] }) =>
    loops.map(
      ({ replica, reason }) =>
        `${app.name}/${name} ${replica}: crash loop: ${reason}; go on with: berth up ${app.folder}`,
    ),
  );
}

function rows(app: AppAnswer, now: number): string[][] {
  return app.services.map((service) => {
    const running = service.replicas.filter((replica) => replica.status === 'running');
    const since = Math.min(...running.map((replica) => Date.parse(replica.startedAt)));
    return [
      app.name,
      service.name,
      `${running.length}/${service.wanted}`,
      state(service),
      running.length === 0 ? '-' : durationWords(now - since),
      ports(service),
    ];
  });
}

function state(service: ServiceAnswer): string {
  const states = [...new Set(service.replicas.map(stateWords))].join(', ');
  if (service.stopped === true) return states === '' ? 'stopped' : `stopped: ${states}`;
  return states || 'none';
}

function ports(service: ServiceAnswer): string {
  const all = service.replicas.flatMap((replica) =>
    replica.ports.map((port) => `${address(port)}->${port.container}`),
  );
  return [...new Set(all)].join(' ');
}
