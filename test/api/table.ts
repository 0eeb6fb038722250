import type { TSchema } from 'typebox';

/** One request and what must come back. */
export interface Call {
  /** With query, without version. `{exec}` is an exec that was made and not started. */
  path: string;
  /** Absent: the newest. */
  version?: string;
  /** An object is sent as JSON, a buffer as an archive. */
  body?: object;
  status: number;
  /** Of the JSON answer. An error's needs none: it is always the same. */
  shape?: TSchema;
  /** The content type, when it is not that of JSON. */
  type?: string;
  /** What the answer's text must have. */
  text?: RegExp;
}

/** The route as it is registered, `GET /containers/:id/json`, and what it is asked. */
export type Table = Record<string, Call[]>;
