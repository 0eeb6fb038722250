import type { FastifyInstance } from 'fastify';
import { notFound, unavailable, unsupported } from '#base/errors.ts';

type Method = 'GET' | 'POST' | 'DELETE';

// What the Engine API offers to managers of a swarm only.
const swarmRoutes: readonly [Method, string][] = [
  ['GET', '/swarm'],
  ['POST', '/swarm/update'],
  ['GET', '/swarm/unlockkey'],
  ['POST', '/swarm/unlock'],
  ['GET', '/nodes'],
  ['GET', '/nodes/:id'],
  ['DELETE', '/nodes/:id'],
  ['POST', '/nodes/:id/update'],
  ['GET', '/services'],
  ['POST', '/services/create'],
  ['GET', '/services/:id'],
  ['DELETE', '/services/:id'],
  ['POST', '/services/:id/update'],
  ['GET', '/services/:id/logs'],
  ['GET', '/tasks'],
  ['GET', '/tasks/:id'],
  ['GET', '/tasks/:id/logs'],
  ...(['secrets', 'configs'] as const).flatMap((noun): [Method, string][] => [
    ['GET', `/${noun}`],
    ['POST', `/${noun}/create`],
    ['GET', `/${noun}/:id`],
    ['DELETE', `/${noun}/:id`],
    ['POST', `/${noun}/:id/update`],
  ]),
];

/** The answers of an engine that is not in a swarm and has no plugins. */
export function absentRoutes(app: FastifyInstance): void {
  outsideSwarm(app);
  withoutPlugins(app);
}

function outsideSwarm(app: FastifyInstance): void {
  const handler = (): never => {
    throw unavailable(
      'no-swarm',
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
      { hint: "Berth runs services of a compose file with 'berth up'" },
    );
  };
  for (const [method, url] of swarmRoutes) app.route({ method, url, handler, exposeHeadRoute: false });
  app.post('/swarm/leave', () => {
    throw unavailable('no-swarm', 'This node is not part of a swarm');
  });
  for (const verb of ['init', 'join'])
    app.post(`/swarm/${verb}`, () => {
      throw unsupported('swarm-unsupported', 'Swarm mode is not offered by Berth', {
        hint: "Berth runs services of a compose file with 'berth up'",
      });
    });
}

function withoutPlugins(app: FastifyInstance): void {
  const missing = ({ params }: { params: { '*': string } }): never => {
    const name = params['*'].replace(/\/(json|enable|disable|push|set|upgrade)$/, '');
    throw notFound('plugin-missing', `plugin "${name}" not found`);
  };
  const refuse = (): never => {
    throw unsupported('plugins-unsupported', 'plugins cannot be installed: this engine runs none');
  };
  app.get('/plugins', () => []);
  app.get('/plugins/privileges', refuse);
  app.post('/plugins/pull', refuse);
  app.post('/plugins/create', refuse);
  for (const method of ['GET', 'POST', 'DELETE'] as const)
    app.route<{ Params: { '*': string } }>({
      method,
      url: '/plugins/*',
      handler: missing,
      exposeHeadRoute: false,
    });
}
