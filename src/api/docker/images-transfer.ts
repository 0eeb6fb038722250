import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { platformOf, platformsOf } from '#api/docker/platform-query.ts';
import { all, flag, one, single, type ManyQuery } from '#api/docker/query.ts';
import { readRegistryAuth } from '#api/docker/registry-auth.ts';
import { clientGone, linesOf, sendJsonLines, uploadOf } from '#api/streams.ts';
import { invalid } from '#base/errors.ts';
import { isDigest } from '#domain/image/digest.ts';
import type { Images, Progress, PullOptions, PushOptions } from '#engine/contracts.ts';

/** Images that come in or go out: pull, import, push, load, save. */
export function imageTransfers(app: FastifyInstance, images: Images): void {
  app.post<{ Querystring: ManyQuery }>('/images/create', { config: { repeats: true } }, (request, reply) => {
    if (one(request.query, 'fromImage') !== '') return pull(images, request, reply);
    if (one(request.query, 'fromSrc') !== '') return importSource(images, request, reply);
    throw invalid('source-missing', 'one of the query parameters fromImage and fromSrc is required');
  });
  app.post<{ Querystring: ManyQuery }>('/images/load', { config: { repeats: true } }, (request, reply) => {
    const isQuiet = flag(single(request.query), 'quiet');
    const platforms = platformsOf(request.query);
    const lines = linesOf<Progress>((write) =>
      images.load(
        uploadOf(request),
        (line) => {
          if (!isQuiet || line.stream !== undefined) write(line);
        },
        platforms,
      ),
    );
    return sendJsonLines(reply, lines);
  });
  app.get<{ Querystring: ManyQuery }>('/images/get', { config: { repeats: true } }, (request, reply) => {
    const names = all(request.query, 'names');
    const platform = platformOf(request.query);
    return reply.type('application/x-tar').send(images.save(names, platform));
  });
}

function pull(
  images: Images,
  request: FastifyRequest<{ Querystring: ManyQuery }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { query, headers } = request;
  const name = joined(one(query, 'fromImage'), one(query, 'tag'));
  const auth = readRegistryAuth(headers['x-registry-auth']);
  const signal = clientGone(reply);
  const platform = one(query, 'platform');
  const lines = linesOf<Progress>(async (onProgress) => {
    const options: PullOptions = { onProgress, signal };
    if (auth !== undefined) options.auth = auth;
    if (platform !== '') options.platform = platform;
    // As Docker: a name without a tag, which `docker pull -a` sends, means all tags.
    if (isTagged(name)) await images.pull(name, options);
    else await images.pullAll(name, options);
  });
  return sendJsonLines(reply, lines);
}

function isTagged(name: string): boolean {
  return /[:@][^/]*$/.test(name);
}

/** `tag` is a tag or a digest. */
export function joined(name: string, tag: string): string {
  if (tag === '') return name;
  return isDigest(tag) ? `${name}@${tag}` : `${name}:${tag}`;
}

function importSource(
  images: Images,
  request: FastifyRequest<{ Querystring: ManyQuery }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { query } = request;
  const source = one(query, 'fromSrc');
  const reference = joined(one(query, 'repo'), one(query, 'tag'));
  const platform = one(query, 'platform');
  const message = one(query, 'message');
  const signal = clientGone(reply);
  const lines = linesOf<Progress>(async (onProgress) => {
    const options = {
      changes: all(query, 'changes'),
      message: message === '' ? `Imported from ${source}` : message,
      ...(reference !== '' && { reference }),
      ...(platform !== '' && { platform }),
    };
    const image =
      source === '-'
        ? await images.importRoot(uploadOf(request), options)
        : await images.importUrl(source, options, { onProgress, signal });
    onProgress({ status: image.id });
  });
  return sendJsonLines(reply, lines);
}

/** POST /images/NAME/push. */
export function push(
  images: Images,
  name: string,
  request: FastifyRequest<{ Querystring: ManyQuery }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const auth = readRegistryAuth(request.headers['x-registry-auth']);
  const signal = clientGone(reply);
  const reference = joined(name, one(request.query, 'tag'));
  const platform = platformOf(request.query);
  const lines = linesOf<Progress>(async (onProgress) => {
    const options: PushOptions = { onProgress, signal };
    if (auth !== undefined) options.auth = auth;
    if (platform !== undefined) options.only = platform;
    // As with a pull.
    if (isTagged(reference)) await images.push(reference, options);
    else await images.pushAll(reference, options);
  });
  return sendJsonLines(reply, lines);
}
