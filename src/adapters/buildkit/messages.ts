import { bytes, byteText, integer, map, message, part, text, type ValueOf } from '#base/grpc/message.ts';

// What a client's session serves: moby/buildkit session/*/*.proto, tonistiigi/fsutil types/*.proto.

export const Stat = message({
  /** A byte string. */
  path: byteText(1),
  /** Bits of Go's os.FileMode. */
  mode: integer(2),
  uid: integer(3),
  gid: integer(4),
  size: integer(5),
  /** Nanoseconds since 1970. */
  modTime: integer(6),
  /** A byte string. */
  linkname: byteText(7),
  devmajor: integer(8),
  devminor: integer(9),
  xattrs: map(10, bytes(2)),
});

export type FileStat = ValueOf<typeof Stat>;

export const packetTypes = { stat: 0, request: 1, data: 2, end: 3, error: 4 } as const;

export const Packet = message({
  type: integer(1),
  /** Absent in the last packet of this type. */
  stat: part(2, Stat),
  id: integer(3),
  data: bytes(4),
});

export const BytesMessage = message({ data: bytes(1) });

export const CredentialsRequest = message({ host: text(1) });
export const CredentialsResponse = message({ username: text(1), secret: text(2) });

export const SecretRequest = message({ id: text(1) });
export const SecretResponse = message({ data: bytes(1) });

export const CheckAgentRequest = message({ id: text(1) });
export const Nothing = message({});
