// What the engine's nouns offer to each other and to the API, by noun. Every verb is safe to call at any time:
// it takes the locks it needs, and what it acknowledges is in the state store.
export type * from './contracts/events.ts';
export type * from './contracts/images.ts';
export type * from './contracts/networks.ts';
export type * from './contracts/volumes.ts';
export type * from './contracts/containers.ts';
export type * from './contracts/builds.ts';
export type * from './contracts/build-inputs.ts';
export type * from './contracts/build-outputs.ts';
export type * from './contracts/build-progress.ts';
export type * from './contracts/solves.ts';
export type * from './contracts/services.ts';
export type * from './contracts/ingress.ts';
export type * from './contracts/policies.ts';
export type * from './contracts/secrets.ts';
