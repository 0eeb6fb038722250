export type EventType = 'container' | 'image' | 'network' | 'volume' | 'daemon' | 'builder' | 'app';

/** One thing that happened, with the words of `docker events`. */
export interface EngineEvent {
  type: EventType;
  /** `create`, `start`, `die`, `health_status: healthy`, `exec_create: ls` ... */
  action: string;
  /** Id of the container or network, name of the volume, image or app. */
  id: string;
  attributes: Record<string, string>;
  /** Nanoseconds since 1970, as text: it does not fit a number. */
  timeNano: string;
}
