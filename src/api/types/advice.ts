// The shapes of advice on limits, for clients of Berth's own API. Bytes and cores.

export interface ServiceAdviceAnswer {
  app: string;
  service: string;
  used: {
    samples: number;
    memoryP50: number;
    memoryP95: number;
    memoryPeak: number;
    cpusP50: number;
    cpusP95: number;
    /** Share of the periods in which it was held back, 0 to 1. */
    throttled: number;
    oomKills: number;
    pidsPeak: number;
  };
  advice: { key: string; value: string; current?: string; reason: string }[];
  /** Why there is none. */
  note?: string;
}

export interface AdviceAnswer {
  services: ServiceAdviceAnswer[];
  /** A unified diff of the compose files; '' when nothing changes. */
  patch: string;
  /** What the patch leaves out. */
  notes: string[];
}
