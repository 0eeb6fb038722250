/** Posts to URLs that people gave. */
export interface WebhookSender {
  /** Gives the HTTP status; redirects are not followed. @throws unavailable `webhook-failed` when nobody answers in time */
  post(
    url: string,
    body: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<number>;
}
