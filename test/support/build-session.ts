import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Packet, packetTypes, Stat } from '#adapters/buildkit/messages.ts';
import type { GrpcBuildSessions } from '#adapters/buildkit/session.ts';
import { text } from '#adapters/files/byte-path.ts';
import type { ValueOf } from '#base/grpc/message.ts';
import { serveGrpc, type Methods } from '#base/grpc/server.ts';
import type { BuildSession } from '#ports/build-sessions.ts';
import type { PackedEntry, PackedFiles } from '#ports/packed-files.ts';
import { socketPair } from './socket-pair.ts';

/** A client's session with what a test needs of it. */
export interface Opened extends AsyncDisposable {
  session: BuildSession;
  client: Socket;
}

/** Serves methods as a client does, at the other end of a session. */
export async function openSession(
  methods: Methods,
  sessions: GrpcBuildSessions,
  sharedKey = '',
): Promise<Opened> {
  const [ours, client] = await socketPair();
  const served = serveGrpc(client, methods);
  const session = sessions.open(ours, { id: 'one', sharedKey, methods: Object.keys(methods) });
  return {
    session,
    client,
    [Symbol.asyncDispose]: async () => {
      session.close();
      await served;
    },
  };
}

export interface Seen {
  content: string;
  entry: PackedEntry;
}

/** What came, by path; contents are those that their digests say. */
export function seenIn({ pack, entries }: PackedFiles): Record<string, Seen> {
  const all = readFileSync(pack);
  return Object.fromEntries(
    entries.map((entry) => {
      const content = all.subarray(entry.offset, entry.offset + entry.size);
      if (entry.kind === 'file')
        assert.equal(entry.content, createHash('sha256').update(content).digest('hex'), entry.path);
      return [text(entry.path), { content: content.toString(), entry }];
    }),
  );
}

/** Serves these packets as they are, and as bytes of each file that is asked for what `bytesOf` says. */
export function sending(
  packets: Partial<ValueOf<typeof Stat>>[],
  bytesOf: (path: string) => Buffer[] = () => [Buffer.from('bad')],
): Methods {
  return {
    '/moby.filesync.v1.FileSync/DiffCopy': async function* (requests) {
      for (const each of packets) yield Packet.encode({ type: packetTypes.stat, stat: Stat.of(each) });
      yield Packet.encode({ type: packetTypes.stat });
      for await (const request of requests) {
        const { type, id } = Packet.decode(request);
        if (type === packetTypes.end) yield Packet.encode({ type: packetTypes.end });
        if (type === packetTypes.end) return;
        for (const data of [...bytesOf(packets[id]?.path ?? ''), Buffer.alloc(0)])
          yield Packet.encode({ type: packetTypes.data, id, data });
      }
    },
  };
}
