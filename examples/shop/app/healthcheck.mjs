// Healthy: the shop answers and reaches its database.
const response = await fetch(`http://127.0.0.1:${process.env.PORT ?? 8080}/healthz`, {
  signal: AbortSignal.timeout(2500),
});
console.log(response.status, (await response.text()).trim());
process.exit(response.ok ? 0 : 1);
