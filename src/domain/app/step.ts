interface StepDetails {
  'pull-image': { service: string; image: string };
  'build-image': { service: string; image: string };
  /** `network` and `volume` are keys of the app. */
  'create-network': { network: string; name: string };
  'create-volume': { volume: string; name: string };
  /** Virtual addresses, names and host ports of a service. */
  'place-service': { service: string };
  'withdraw-service': { service: string };
  /** `held`: it gets no requests until they are shifted to it. */
  'create-container': { service: string; replica: number; name: string; held?: boolean };
  /** Stops the former container, sets it aside under another name and makes the new one. */
  'replace-container': { service: string; replica: number; name: string; container: string; held: boolean };
  /** Gives a container the name that it should have. */
  'rename-container': { service: string; from: string; name: string };
  'start-container': { service: string; name: string };
  'restart-container': { service: string; name: string };
  /** Lets requests go to some containers and no more to others, all at once; `from` are ids. */
  'shift-traffic': { service: string; to: string[]; from: string[] };
  /** Neighbours of the same wave do not depend on each other: they may be stopped at once. */
  'stop-container': { service: string; name: string; container: string; wave: number };
  'remove-container': { service: string; name: string; container: string };
  /** Until all containers of the service are healthy, running, or ended with exit code 0. */
  'wait-healthy': { service: string };
  'wait-started': { service: string };
  'wait-completed': { service: string };
  /** Until these may serve, and then for as long as `settle` says, in seconds. */
  'wait-ready': { service: string; names: string[]; settle: number };
  /** Until no connection to these, by id, is left, or the time, in seconds, is over. */
  'wait-drained': { service: string; containers: string[]; atMost: number };
  /** Fails when one of these fails within so many seconds. */
  'wait-monitored': { service: string; names: string[]; seconds: number };
  /** Between two groups of an update. */
  'wait-delay': { service: string; seconds: number };
  'remove-network': { name: string };
  'remove-volume': { name: string };
}

export type StepKind = keyof StepDetails;

/** One thing to do, as data, with the reason why. */
export type Step<K extends StepKind = StepKind> = {
  [P in K]: { kind: P; reason: string } & StepDetails[P];
}[K];
