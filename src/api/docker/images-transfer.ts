import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { flag, type Query } from '#api/docker/query.ts';
import { readRegistryAuth } from '#api/docker/registry-auth.ts';
import { clientGone, linesOf, sendJsonLines, uploadOf } from '#api/streams.ts';
import { invalid, unsupported } from '#base/errors.ts';
import { isDigest } from '#domain/image/digest.ts';
import type { Images, Progress, PullOptions } from '#engine/contracts.ts';

/** A parameter may come several times. */
export type ManyQuery = Record<string, string | string[] | undefined>;

export function all(query: ManyQuery, name: string): string[] {
  const value = query[name];
  return (Array.isArray(value) ? value : [value ?? '']).filter((text) => text !== '');
}

export function one(query: ManyQuery, name: string): string {
  return all(query, name)[0] ?? '';
}

/** Images that come in or go out: pull, import, push, load, save. */
export function imageTransfers(app: FastifyInstance, images: Images): void {
  app.post<{ Querystring: ManyQuery }>('/images/create', { config: { repeats: true } }, (request, reply) => {
    if (one(request.query, 'fromImage') !== '') return pull(images, request, reply);
    if (one(request.query, 'fromSrc') !== '') return importSource(images, request, reply);
    throw invalid('source-missing', 'one of the query parameters fromImage and fromSrc is required');
  });
  app.post<{ Querystring: Query }>('/images/load', (request, reply) => {
    const isQuiet = flag(request.query, 'quiet');
    const lines = linesOf<Progress>((write) =>
      images.load(uploadOf(request), (line) => {
        if (!isQuiet || line.stream !== undefined) write(line);
      }),
    );
    return sendJsonLines(reply, lines);
  });
  app.get<{ Querystring: ManyQuery }>('/images/get', { config: { repeats: true } }, (request, reply) =>
    reply.type('application/x-tar').send(images.save(all(request.query, 'names'))),
  );
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
    await images.pull(name, options);
    // `docker pull -a` and clients that leave the tag to us ask alike. Told last: a line before an error hides its status.
    if (!/[:@][^/]*$/.test(name))
      onProgress({ status: `Pulled '${name}:latest' alone: pulling all tags is not offered` });
  });
  return sendJsonLines(reply, lines);
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
  if (source !== '-')
    throw unsupported('import-from-url', `importing from '${source}': only the request's body is read`, {
      hint: 'download it and give it to docker import -',
    });
  const reference = joined(one(query, 'repo'), one(query, 'tag'));
  const platform = one(query, 'platform');
  const message = one(query, 'message');
  const lines = linesOf<Progress>(async (write) => {
    const image = await images.importRoot(uploadOf(request), {
      changes: all(query, 'changes'),
      message: message === '' ? 'Imported from -' : message,
      ...(reference !== '' && { reference }),
      ...(platform !== '' && { platform }),
    });
    write({ status: image.id });
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
  const lines = linesOf<Progress>((onProgress) =>
    images.push(reference, { onProgress, signal, ...(auth !== undefined && { auth }) }),
  );
  return sendJsonLines(reply, lines);
}
