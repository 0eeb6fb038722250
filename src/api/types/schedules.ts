// The shapes of schedules and their runs, for clients of Berth's own API.

export interface JobRunAnswer {
  id: string;
  trigger: 'schedule' | 'person';
  outcome: 'running' | 'succeeded' | 'failed' | 'timed-out' | 'replaced' | 'skipped';
  /** RFC 3339. */
  due: string;
  started: string;
  /** '' while it goes on. */
  ended: string;
  exitCode: number;
  tries: number;
  /** Of the latest try; `docker logs` shows its output as long as the history keeps it. */
  container: string;
  error?: string;
}

export interface JobAnswer {
  app: string;
  service: string;
  cron: string;
  timezone: string;
  /** RFC 3339. */
  next?: string;
  last?: JobRunAnswer;
}
