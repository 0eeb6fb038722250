// How many replicas one metric asks for: Kubernetes' HorizontalPodAutoscaler (pkg/controller/podautoscaler,
// replica_calculator.go; "Horizontal Pod Autoscaling", "Algorithm details").

/** What is known of one metric now. */
export type Measurement = ReplicaMeasurement | TotalMeasurement | ValueMeasurement;

/** Measured at each replica. */
export interface ReplicaMeasurement {
  kind: 'replicas';
  metric: string;
  /** For each replica, in the metric's unit. */
  target: number;
  /** What a replica without a reading is taken for when the others ask for fewer. */
  missingAs: number;
  samples: readonly ReplicaSample[];
}

export interface ReplicaSample {
  isReady: boolean;
  /** Undefined: there is no reading. */
  value: number | undefined;
}

/** Measured for all replicas together; `target` is for each of them. */
export interface TotalMeasurement {
  kind: 'total';
  metric: string;
  target: number;
  value: number | undefined;
}

/** Of the service as a whole; `target` too. */
export interface ValueMeasurement {
  kind: 'value';
  metric: string;
  target: number;
  value: number | undefined;
  ready: number;
}

export interface Proposal {
  metric: string;
  /** Undefined: nothing could be measured. */
  replicas: number | undefined;
  /** What was measured, for each replica or of the whole. */
  measured: number | undefined;
  target: number;
  /** The calculation with its numbers, for people. */
  formula: string;
}

/** @param current replicas that there are to be now, 1 or more */
export function propose(measurement: Measurement, current: number, tolerance: number): Proposal {
  switch (measurement.kind) {
    case 'replicas':
      return ofReplicas(measurement, current, tolerance);
    case 'total':
      return ofTotal(measurement, current, tolerance);
    case 'value':
      return ofValue(measurement, current, tolerance);
  }
}

function ofReplicas(measurement: ReplicaMeasurement, current: number, tolerance: number): Proposal {
  const { metric, target, samples } = measurement;
  const ready = samples.filter((one) => one.isReady);
  const values = ready.flatMap(({ value }) => value ?? []);
  if (values.length === 0) return unknown(metric, target);
  const measured = mean(values);
  const ratio = measured / target;
  const missing = ready.length - values.length;
  const unready = ratio > 1 ? samples.length - ready.length : 0;
  const isWhole = missing === 0 && unready === 0;
  if (!isWhole) {
    const stands = standIns(measurement, ratio, { missing, unready });
    return { metric, measured, target, ...carefully(values, stands, { target, current, tolerance }) };
  }
  if (isNear(ratio, tolerance))
    return { metric, replicas: current, measured, target, formula: near(measured, target, tolerance) };
  const formula = product(values.length, measured, target);
  return { metric, replicas: ceiling(ratio * values.length), measured, target, formula };
}

/** Whoever is not known, or not ready, is taken for what makes the change smaller. */
function standIns(
  { missingAs }: ReplicaMeasurement,
  ratio: number,
  { missing, unready }: { missing: number; unready: number },
): number[] {
  if (ratio === 1) return [];
  const stand = ratio < 1 ? missingAs : 0;
  return [...Array.from({ length: missing }, () => stand), ...Array.from({ length: unready }, () => 0)];
}

function carefully(
  values: readonly number[],
  stands: readonly number[],
  { target, current, tolerance }: { target: number; current: number; tolerance: number },
): { replicas: number; formula: string } {
  const all = [...values, ...stands];
  const ratio = mean(values) / target;
  const careful = mean(all) / target;
  const note = `with ${stands.length} without a reading taken for ${short(stands[0] ?? 0)}`;
  const isTurned = (ratio < 1 && careful > 1) || (ratio > 1 && careful < 1);
  if (isNear(careful, tolerance) || isTurned)
    return { replicas: current, formula: `${near(mean(all), target, tolerance)}, ${note}` };
  const replicas = ceiling(careful * all.length);
  const isWrongWay = careful < 1 ? replicas > current : replicas < current;
  const formula = `${product(all.length, mean(all), target)}, ${note}`;
  return isWrongWay ? { replicas: current, formula: `${formula}: stays` } : { replicas, formula };
}

function ofTotal({ metric, target, value }: TotalMeasurement, current: number, tolerance: number): Proposal {
  if (value === undefined) return unknown(metric, target);
  const measured = value / current;
  if (isNear(measured / target, tolerance))
    return { metric, replicas: current, measured, target, formula: near(measured, target, tolerance) };
  const replicas = ceiling(value / target);
  const formula = `ceil(${short(value)} / ${short(target)}) = ${replicas}`;
  return { metric, replicas, measured, target, formula };
}

function ofValue(
  { metric, target, value, ready }: ValueMeasurement,
  current: number,
  tolerance: number,
): Proposal {
  if (value === undefined || ready === 0) return unknown(metric, target);
  const ratio = value / target;
  if (isNear(ratio, tolerance))
    return { metric, replicas: current, measured: value, target, formula: near(value, target, tolerance) };
  const replicas = ceiling(ratio * ready);
  return { metric, replicas, measured: value, target, formula: product(ready, value, target) };
}

function unknown(metric: string, target: number): Proposal {
  return { metric, replicas: undefined, measured: undefined, target, formula: 'nothing was measured' };
}

/** By less than this, numbers differ only because they are not exact. */
const inexact = 1e-9;

function isNear(ratio: number, tolerance: number): boolean {
  return Math.abs(1 - ratio) <= tolerance + inexact;
}

function near(measured: number, target: number, tolerance: number): string {
  const isNearIndeed = isNear(measured / target, tolerance);
  if (!isNearIndeed) return `${short(measured)} of ${short(target)} gives no clear direction: stays`;
  return `${short(measured)} is within ${short(tolerance * 100)}% of ${short(target)}: stays`;
}

function product(count: number, measured: number, target: number): string {
  const result = ceiling((measured / target) * count);
  return `ceil(${count} * ${short(measured)} / ${short(target)}) = ${result}`;
}

/** Rounds up, but for what only the inexactness of numbers is above a whole one. */
function ceiling(value: number): number {
  const whole = Math.round(value);
  return Math.abs(value - whole) < inexact ? whole : Math.ceil(value);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, one) => sum + one, 0) / values.length;
}

export function short(value: number): string {
  return String(Number(value.toPrecision(value >= 1000 ? 10 : 3)));
}
