interface StepDetails {
  'pull-image': { service: string; image: string };
  'build-image': { service: string; image: string };
  /** `network` and `volume` are keys of the app. */
  'create-network': { network: string; name: string };
  'create-volume': { volume: string; name: string };
  'create-container': { service: string; replica: number; name: string };
  /** Stops the former container, sets it aside under another name and makes the new one. */
  'replace-container': { service: string; replica: number; name: string; container: string };
  /** Gives a container back the name that it should have. */
  'rename-container': { service: string; name: string; container: string };
  'start-container': { service: string; name: string };
  'restart-container': { service: string; name: string };
  /** Neighbours of the same wave do not depend on each other: they may be stopped at once. */
  'stop-container': { service: string; name: string; container: string; wave: number };
  'remove-container': { service: string; name: string; container: string };
  /** Until all containers of the service are healthy, running, or ended with exit code 0. */
  'wait-healthy': { service: string };
  'wait-started': { service: string };
  'wait-completed': { service: string };
  'remove-network': { name: string };
  'remove-volume': { name: string };
}

export type StepKind = keyof StepDetails;

/** One thing to do, as data, with the reason why. */
export type Step<K extends StepKind = StepKind> = {
  [P in K]: { kind: P; reason: string } & StepDetails[P];
}[K];
