import type { FastifyInstance } from 'fastify';
import type { RouteAnswer } from '#api/types/ingress.ts';
import type { Ingress } from '#engine/contracts.ts';

/** What is served from outside. Changes come with the apps. */
export function ingressRoutes(app: FastifyInstance, engine: { ingress: Pick<Ingress, 'list'> }): void {
  app.get('/berth/v1/ingress', (): RouteAnswer[] => engine.ingress.list());
}
