import type { FastifyInstance } from 'fastify';
import type { Duplex } from 'node:stream';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import type { ContainerApiParts } from '#api/docker/containers.ts';
import type { Hijack, HijackConnection, HijackRequest } from '#api/docker/hijack.ts';
import type { Exec } from '#engine/contracts.ts';
import { fitBody, fittingExactly, refuseUnknown } from '#api/docker/body.ts';
import { execBody, execStartBody } from '#api/docker/container-schemas.ts';
import { sizeOf } from '#api/docker/containers-streams.ts';
import { parseDetachKeys } from '#api/docker/detach-keys.ts';
import { frame, pump, streamType } from '#api/docker/stdio.ts';
import type { Query } from '#api/docker/query.ts';
import { invalid, messageOf } from '#base/errors.ts';

const startBody = Compile(execStartBody);

/** dockerode sends its own options along, which ask the engine for nothing. */
const ofDockerode = ['hijack', 'stdin'];

/** docker-py and old clients name the container here too, and whether the start will detach. */
const legacy = ['Container', 'Detach'];

/** Further processes in running containers. */
export function execRoutes(app: FastifyInstance, hijack: Hijack, parts: ContainerApiParts): void {
  const { containers } = parts;

  app.post<{ Params: { id: string }; Body: Static<typeof execBody> }>(
    '/containers/:id/exec',
    { schema: { body: execBody }, preValidation: fittingExactly(execBody, (path) => legacy.includes(path)) },
    async ({ params, body }, reply) => {
      const { Cmd: command = [], ConsoleSize: size, ...rest } = body;
      parseDetachKeys(rest.DetachKeys);
      const exec = await containers.createExec(params.id, {
        ...rest,
        Cmd: command,
        ConsoleSize: pair(size) ?? null,
      });
      return reply.code(201).send({ Id: exec.id });
    },
  );

  hijack.post('/exec/:id/start', (request, connection) => start(parts, request, connection));

  app.post<{ Params: { id: string }; Querystring: Query }>(
    '/exec/:id/resize',
    async ({ params, query }, reply) => {
      await containers.resizeExec(params.id, ...sizeOf(query));
      return reply.code(200).send();
    },
  );

  app.get<{ Params: { id: string } }>('/exec/:id/json', ({ params }) =>
    execJson(containers.getExec(params.id)),
  );
}

async function start(
  parts: ContainerApiParts,
  { params, body, apiVersion }: HijackRequest,
  connection: HijackConnection,
): Promise<void> {
  const { containers } = parts;
  const { body: options, unknown } = fitBody(execStartBody, body ?? {});
  refuseUnknown(unknown, (path) => ofDockerode.includes(path));
  if (!startBody.Check(options)) throw invalid('request-invalid', `invalid body of an exec's start`);
  const { config, ...exec } = containers.getExec(params['id'] ?? '');
  const tty = options.Tty ?? config.Tty === true;
  const size = pair(options.ConsoleSize);
  const io = {
    tty,
    stdin: config.AttachStdin === true,
    ...(size === undefined ? {} : { consoleSize: size }),
  };
  containers.checkExec(exec.id);
  if (options.Detach === true) {
    const process = await containers.startExec(exec.id, { ...io, stdin: false });
    process.stdout.resume();
    process.stderr.resume();
    return;
  }
  const client = connection.accept(streamType(tty, apiVersion));
  await run(parts, exec, config, io, client);
  client.end();
}

async function run(
  { containers }: ContainerApiParts,
  { id }: Pick<Exec, 'id'>,
  config: Exec['config'],
  io: { tty: boolean; stdin: boolean; consoleSize?: [number, number] },
  client: Duplex,
): Promise<void> {
  try {
    const process = await containers.startExec(id, io);
    const detached = await pump(client, process, {
      tty: io.tty,
      raw: io.tty,
      stdin: io.stdin,
      stdout: config.AttachStdout === true,
      stderr: config.AttachStderr === true,
      closeStdin: true,
      detachKeys: parseDetachKeys(config.DetachKeys),
      complete: process.exit,
    });
    if (detached) containers.execDetached(id);
  } catch (error) {
    // The stream has begun, so the reason goes into it; the exit code is asked for later.
    const text = Buffer.from(`${messageOf(error)}\r\n`);
    client.write(io.tty ? text : frame('stdout', text));
  }
}

function pair(size: number[] | undefined): [number, number] | undefined {
  const [rows, columns] = size ?? [];
  return rows === undefined || columns === undefined ? undefined : [rows, columns];
}

/** ExecInspectResponse of the Docker Engine API. */
function execJson({ id, containerId, config, running, exitCode, pid }: Exec): Record<string, unknown> {
  const [entrypoint = '', ...args] = config.Cmd;
  return {
    ID: id,
    Running: running,
    ExitCode: exitCode,
    ProcessConfig: {
      tty: config.Tty === true,
      entrypoint,
      arguments: args,
      privileged: config.Privileged === true,
      ...(config.User ? { user: config.User } : {}),
    },
    OpenStdin: config.AttachStdin === true,
    OpenStderr: config.AttachStderr === true,
    OpenStdout: config.AttachStdout === true,
    CanRemove: false,
    ContainerID: containerId,
    DetachKeys: config.DetachKeys ?? '',
    Pid: pid,
  };
}
