/** What limits of a build's commands are called by Docker's classic API and by BuildKit's frontend, and in the settings of containers. */
export const buildLimits = [
  ['memory', 'Memory'],
  ['memswap', 'MemorySwap'],
  ['cpushares', 'CpuShares'],
  ['cpuperiod', 'CpuPeriod'],
  ['cpuquota', 'CpuQuota'],
] as const;
