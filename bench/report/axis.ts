/** Values to places on a page. */
export interface Axis {
  /** Ascending. The first and the last are the ends of the axis, where ticks were not given. */
  ticks: readonly number[]
  place(value: number): number
}

/** Steps between ticks of a linear axis, times a power of ten. */
const steps = [1, 2, 2.5, 5, 10]
const ticksWanted = 5

/**
 * @param values What has to fit. @param ends Where the least and the greatest value go, in pixels.
 * @param ticks Where ticks shall be; default: round values around all that has to fit, from 0 where linear.
 */
export function axis(
  scale: 'linear' | 'log',
  values: readonly number[],
  ends: readonly [number, number],
  ticks: readonly number[] = scale === 'log' ? logTicks(values) : linearTicks(values)
): Axis {
  const measure = scale === 'log' ? Math.log10 : (value: number) => value
  const from = measure(Math.min(...ticks))
  const to = measure(Math.max(...ticks))
  const [first, last] = ends
  return {
    ticks,
    place: (value) => first + ((measure(value) - from) / (to - from || 1)) * (last - first)
  }
}

function linearTicks(values: readonly number[]): number[] {
  const most = Math.max(...values.filter(Number.isFinite), Number.MIN_VALUE)
  const power = 10 ** Math.floor(Math.log10(most / ticksWanted))
  const step = power * (steps.find((one) => one * power * ticksWanted >= most) ?? 10)
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step)
}

/** 1, 2, 5, 10 and so on where that is few enough, otherwise powers of ten. */
function logTicks(values: readonly number[]): number[] {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value))
  const from = Math.floor(Math.log10(Math.min(...positive)))
  const to = Math.ceil(Math.log10(Math.max(...positive)))
  const powers = Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index))
  if (powers.length > 4) return powers
  const fine = powers.flatMap((power) => [power, 2 * power, 5 * power])
  const first = fine.findLastIndex((value) => value <= Math.min(...positive))
  const last = fine.findIndex((value) => value >= Math.max(...positive))
  return fine.slice(Math.max(first, 0), Math.max(last, first + 1) + 1)
}
