import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import koffi from 'koffi';
import { releaseProgramPages } from '#adapters/linux/program-pages.ts';

interface Collection {
  type: 'major';
  /** As often as it frees something; compiled code that nothing runs now goes too. */
  flavor: 'last-resort';
}

export interface Settled {
  /** Resident bytes. */
  before: number;
  after: number;
  /** How often more, as long as nobody asks for anything. */
  roundsLeft: number;
}

const mallocTrim: (pad: number) => number = koffi.load('libc.so.6').func('int malloc_trim(size_t)');

/** No request for so long is rest; a client that polls every second does not prevent it. */
const restMillis = 700;
/** Collecting blocks for some 100 ms: not more often than this, and only after so many requests. */
const pauseMillis = 10_000;
const worthRequests = 20;
/** What ran lately still counts as in use at the first time. */
const rounds = 2;

/**
 * Gives back what starting, and each busy time, leaves behind, as soon as nobody asks for anything: V8 and malloc
 * would keep it for as long as the daemon is idle, because nothing makes them collect.
 */
export class MemorySettler {
  #activeAt = 0;
  #settledAt = -pauseMillis;
  /** The start counts as a busy time. */
  #requests = worthRequests;
  #roundsLeft = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #settled: (settled: Settled) => void;

  constructor(settled: (settled: Settled) => void) {
    this.#settled = settled;
  }

  /** To be told of each request. */
  readonly active = (): void => {
    this.#requests += 1;
    this.#activeAt = performance.now();
    if (this.#timer === undefined) this.#timer = this.#lookIn(restMillis);
  };

  #lookIn(millis: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), millis).unref();
  }

  #look(): void {
    const now = performance.now();
    const due = Math.max(this.#activeAt + restMillis, this.#settledAt + pauseMillis);
    this.#timer = now < due ? this.#lookIn(due - now) : undefined;
    if (now < due) return;
    if (this.#requests >= worthRequests) this.#roundsLeft = rounds;
    if (this.#roundsLeft > 0) this.#settle(now);
  }

  #settle(now: number): void {
    const before = process.memoryUsage.rss();
    settleMemory();
    this.#settledAt = now;
    this.#requests = 0;
    this.#roundsLeft -= 1;
    if (this.#roundsLeft > 0) this.#timer = this.#lookIn(pauseMillis);
    this.#settled({ before, after: process.memoryUsage.rss(), roundsLeft: this.#roundsLeft });
  }
}

function settleMemory(): void {
  setFlagsFromString('--expose-gc');
  const evaluate: (code: string) => (collection: Collection) => void = runInNewContext;
  const collect = evaluate('gc');
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', flavor: 'last-resort' });
  mallocTrim(0);
  releaseProgramPages();
}
