import type { FastifyInstance } from 'fastify';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { ContainerApiParts } from '#api/docker/containers.ts';
import type { Container } from '#domain/container/container.ts';
import type { ContainerUsage } from '#engine/contracts.ts';
import { flag, type Query } from '#api/docker/query.ts';
import { clientGone } from '#api/streams.ts';

/** Milliseconds between two readings. */
const interval = 1000;

interface Reading {
  json: object;
  /** The first of a series knows no reading before it, so no usage of the processors either. */
  isFirst: boolean;
}

/** `docker stats` and `docker top`. */
export function statsRoutes(app: FastifyInstance, { containers }: ContainerApiParts): void {
  app.get<{ Params: { id: string }; Querystring: Query }>(
    '/containers/:id/stats',
    async ({ params, query }, reply) => {
      const container = containers.get(params.id);
      const gone = clientGone(reply);
      const readings = read(containers, container, gone);
      if (flag(query, 'stream', true)) {
        reply.type('application/json');
        return reply.send(Readable.from(lines(readings), { objectMode: false }));
      }
      for await (const { json, isFirst } of readings) if (!isFirst || flag(query, 'one-shot')) return json;
      return idle(container);
    },
  );

  app.get<{ Params: { id: string }; Querystring: Query }>(
    '/containers/:id/top',
    async ({ params, query }) => {
      const words = (query['ps_args'] ?? '').split(/\s+/).filter((word) => word !== '');
      const { titles, processes } = await containers.top(params.id, words.length === 0 ? ['-ef'] : words);
      return { Titles: titles, Processes: processes };
    },
  );
}

async function* lines(readings: AsyncGenerator<Reading>): AsyncGenerator<string> {
  for await (const { json } of readings) yield `${JSON.stringify(json)}\n`;
}

/** One reading a second, each with the one before; empty ones while the container does not run. */
async function* read(
  containers: ContainerApiParts['containers'],
  container: Container,
  gone: AbortSignal,
): AsyncGenerator<Reading> {
  let isFirst = true;
  let before: ContainerUsage | undefined;
  while (!gone.aborted && containers.find(container.id) !== undefined) {
    const usage = await containers.usage(container.id);
    yield { json: usage === undefined ? idle(container) : statsJson(container, usage, before), isFirst };
    before = usage;
    isFirst = false;
    // A client that leaves ends the wait, and the condition above the stream.
    await setTimeout(interval, undefined, { signal: gone }).catch(() => undefined);
  }
}

const zeroTime = '0001-01-01T00:00:00Z';
const noCpu = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

function idle(container: Container): object {
  return {
    name: `/${container.name}`,
    id: container.id,
    read: zeroTime,
    preread: zeroTime,
    pids_stats: {},
    blkio_stats: blkioJson(undefined),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: noCpu,
    precpu_stats: noCpu,
    memory_stats: {},
  };
}

/** ContainerStatsResponse of the Docker Engine API. */
function statsJson(container: Container, usage: ContainerUsage, before: ContainerUsage | undefined): object {
  const { cgroup } = usage;
  const { pids, memory } = cgroup;
  return {
    name: `/${container.name}`,
    id: container.id,
    read: usage.read,
    preread: before?.read ?? zeroTime,
    pids_stats: { current: pids.current, ...(pids.limit > 0 ? { limit: pids.limit } : {}) },
    blkio_stats: blkioJson(cgroup.io),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuJson(usage),
    precpu_stats: before === undefined ? noCpu : cpuJson(before),
    memory_stats: {
      usage: memory.usage,
      max_usage: memory.peak,
      stats: memory.stats,
      limit: memory.limit,
    },
    ...(Object.keys(usage.networks).length === 0 ? {} : { networks: networksJson(usage.networks) }),
  };
}

function cpuJson({ cgroup: { cpu }, systemNanos, onlineCpus }: ContainerUsage): object {
  return {
    cpu_usage: {
      total_usage: cpu.totalNanos,
      usage_in_kernelmode: cpu.systemNanos,
      usage_in_usermode: cpu.userNanos,
    },
    system_cpu_usage: systemNanos,
    online_cpus: onlineCpus,
    throttling_data: {
      periods: cpu.periods,
      throttled_periods: cpu.throttledPeriods,
      throttled_time: cpu.throttledNanos,
    },
  };
}

function blkioJson(io: ContainerUsage['cgroup']['io'] | undefined): object {
  const entries = (read: number, write: number): object[] => [
    { major: 0, minor: 0, op: 'read', value: read },
    { major: 0, minor: 0, op: 'write', value: write },
  ];
  return {
    io_service_bytes_recursive: io === undefined ? null : entries(io.readBytes, io.writeBytes),
    io_serviced_recursive: io === undefined ? null : entries(io.reads, io.writes),
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}

function networksJson(networks: ContainerUsage['networks']): Record<string, object> {
  return Object.fromEntries(
    Object.entries(networks).map(([name, counters]) => [
      name,
      {
        rx_bytes: counters.rxBytes,
        rx_packets: counters.rxPackets,
        rx_errors: counters.rxErrors,
        rx_dropped: counters.rxDropped,
        tx_bytes: counters.txBytes,
        tx_packets: counters.txPackets,
        tx_errors: counters.txErrors,
        tx_dropped: counters.txDropped,
      },
    ]),
  );
}
