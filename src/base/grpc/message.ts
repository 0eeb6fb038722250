import { PbfReader, PbfWriter } from 'pbf';
import { invalid } from '#base/errors.ts';

// Protocol buffers (protobuf.dev/programming-guides/encoding), with messages as data: the types follow from it. Integers
// are numbers: above 2^53 they lose their last bits, which matters for no field that we read.

const varint = 0;
const delimited = 2;

/** What comes under one tag of a message. */
export interface Field<T> {
  readonly tag: number;
  /** The value where it does not come. */
  absent(): T;
  /** The value after what comes; `before` is what came of it, which may be changed. */
  take(reader: PbfReader, before: T): T;
  /** Writes nothing for what a reader takes for granted. */
  write(writer: PbfWriter, value: T | undefined): void;
}

export interface Message<T> {
  /** @throws invalid `protobuf-malformed` */
  decode(bytes: Uint8Array): T;
  encode(value: Partial<T>): Uint8Array;
  /** What is left out has the value of an absent field. */
  of(value: Partial<T>): T;
  read(reader: PbfReader, end: number): T;
  write(writer: PbfWriter, value: Partial<T>): void;
}

/** The type of a message's values. */
export type ValueOf<M> = M extends Message<infer T> ? T : never;

/** `message({ name: text(1), sizes: list(integer(2)) })` */
export function message<T extends object>(fields: { [K in keyof T]: Field<T[K]> }): Message<T> {
  const made: (values: object) => T = Object.assign;
  const all: [string, Field<unknown>][] = Object.entries(fields);
  const byTag = new Map(all.map(([name, field]) => [field.tag, { name, field }]));
  const read = (reader: PbfReader, end: number): T => {
    const values: Record<string, unknown> = {};
    for (const [name, field] of all) values[name] = field.absent();
    reader.readFields(
      (tag) => {
        const found = byTag.get(tag);
        if (found !== undefined) values[found.name] = found.field.take(reader, values[found.name]);
      },
      undefined,
      end,
    );
    if (reader.pos !== end) throw malformed('a field is longer than its message');
    return made(values);
  };
  const write = (writer: PbfWriter, value: Partial<T>): void => {
    for (const name in fields) fields[name].write(writer, value[name]);
  };
  const nothing = new Uint8Array();
  return {
    read,
    write,
    decode: (bytes) => {
      try {
        return read(new PbfReader(bytes), bytes.length);
      } catch (cause) {
        throw malformed('it cannot be read', cause);
      }
    },
    encode: (value) => {
      const writer = new PbfWriter();
      write(writer, value);
      return writer.finish();
    },
    of: (value) => ({ ...read(new PbfReader(nothing), 0), ...value }),
  };
}

export function text(tag: number): Field<string> {
  return single(tag, delimited, '', {
    read: (reader) => reader.readString(),
    write: (writer, value) => writer.writeStringField(tag, value),
  });
}

/** A text whose bytes need not be UTF-8, as a byte string: one character for each byte. */
export function byteText(tag: number): Field<string> {
  return single(tag, delimited, '', {
    read: (reader) => Buffer.from(reader.readBytes()).toString('latin1'),
    write: (writer, value) => writer.writeBytesField(tag, Buffer.from(value, 'latin1')),
  });
}

/** A view on the message that it came in, which stays as long: whoever keeps it copies it. */
export function bytes(tag: number): Field<Uint8Array> {
  const write = (writer: PbfWriter, value: Uint8Array): void => writer.writeBytesField(tag, value);
  const empty = new Uint8Array();
  return {
    ...single(tag, delimited, empty, { read: (reader) => reader.readBytes(), write }),
    write: (writer, value) => {
      if (value !== undefined && value.length > 0) write(writer, value);
    },
  };
}

/** int32, int64, uint32, uint64 and enumerations. */
export function integer(tag: number): Field<number> {
  return single(tag, varint, 0, {
    read: (reader) => reader.readVarint(true),
    write: (writer, value) => writer.writeVarintField(tag, value),
  });
}

export function flag(tag: number): Field<boolean> {
  return single(tag, varint, false, {
    read: (reader) => reader.readBoolean(),
    write: (writer, value) => writer.writeBooleanField(tag, value),
  });
}

/** Another message; undefined when absent. */
export function part<T>(tag: number, type: Message<T>): Field<T | undefined> {
  return {
    tag,
    absent: () => undefined,
    take: (reader) => readPart(reader, type),
    write: (writer, value) => {
      if (value !== undefined) writer.writeMessage(tag, (_, inner) => type.write(inner, value), value);
    },
  };
}

/** A repeated message. */
export function parts<T>(tag: number, type: Message<T>): Field<T[]> {
  return repeated(tag, {
    read: (reader) => readPart(reader, type),
    write: (writer, value) => writer.writeMessage(tag, (_, inner) => type.write(inner, value), undefined),
  });
}

export function texts(tag: number): Field<string[]> {
  return repeated(tag, {
    read: (reader) => {
      expect(reader, delimited);
      return reader.readString();
    },
    write: (writer, value) => writer.writeStringField(tag, value),
  });
}

export function byteStrings(tag: number): Field<Uint8Array[]> {
  return repeated(tag, {
    read: (reader) => {
      expect(reader, delimited);
      return reader.readBytes();
    },
    write: (writer, value) => writer.writeBytesField(tag, value),
  });
}

/** `map<string, V>`; `value` has the tag 2. */
export function map<V>(tag: number, value: Field<V>): Field<Record<string, V>> {
  const entry = message<{ key: string; value: V }>({ key: text(1), value });
  const nothing: Record<string, V> = Object.freeze({});
  return {
    tag,
    absent: () => nothing,
    take: (reader, before) => {
      const { key, value: read } = readPart(reader, entry);
      // As an own property whatever its name is.
      return Object.defineProperty(before === nothing ? {} : before, key, {
        ...{ value: read, enumerable: true, writable: true, configurable: true },
      });
    },
    write: (writer, values) => {
      for (const [key, each] of Object.entries(values ?? {}))
        writer.writeMessage(tag, (_, inner) => entry.write(inner, { key, value: each }), undefined);
    },
  };
}

interface Codec<T> {
  read(reader: PbfReader): T;
  write(writer: PbfWriter, value: T): void;
}

function single<T>(tag: number, type: number, absent: T, codec: Codec<T>): Field<T> {
  return {
    tag,
    absent: () => absent,
    take: (reader) => {
      expect(reader, type);
      return codec.read(reader);
    },
    write: (writer, value) => {
      if (value !== undefined && value !== absent) codec.write(writer, value);
    },
  };
}

function repeated<T>(tag: number, codec: Codec<T>): Field<T[]> {
  return {
    tag,
    absent: () => [],
    take: (reader, before) => {
      before.push(codec.read(reader));
      return before;
    },
    write: (writer, values) => {
      for (const value of values ?? []) codec.write(writer, value);
    },
  };
}

function readPart<T>(reader: PbfReader, type: Message<T>): T {
  expect(reader, delimited);
  const end = reader.readVarint() + reader.pos;
  if (end > reader.length) throw malformed('a message is longer than what holds it');
  return type.read(reader, end);
}

function expect(reader: PbfReader, type: number): void {
  if (reader.type !== type) throw malformed(`a field is of wire type ${reader.type}, required is ${type}`);
}

function malformed(why: string, cause?: unknown): Error {
  return invalid('protobuf-malformed', `read a protocol buffers message: ${why}`, { cause });
}
