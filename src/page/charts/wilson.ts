/**
 * How far a ratio of few events may be from the truth: the Wilson score interval at 95 %.
 *
 * E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
 * the American Statistical Association 22 (1927), pp. 209–212. Of the simple intervals it is the one
 * that also holds for few trials and for 0 or all successes (R. G. Newcombe, "Two-sided confidence
 * intervals for the single proportion", Statistics in Medicine 17 (1998), pp. 857–872, method 3).
 */

/** Both ends are from 0 to 1. */
export type Interval = Readonly<{ low: number; high: number }>

/** The 97.5 % quantile of the normal distribution. */
const Z = 1.959963984540054

/** Null if it is no proportion: without trials, or with more successes than trials. */
export function wilsonInterval(successes: number, trials: number): Interval | null {
  if (trials <= 0 || successes < 0 || successes > trials) return null
  const share = successes / trials
  const square = Z ** 2 / trials
  const middle = share + square / 2
  const reach = Z * Math.sqrt((share * (1 - share) + square / 4) / trials)
  // Exactly 0 and 1 at the ends, where rounding leaves a little more or less.
  const low = successes === 0 ? 0 : (middle - reach) / (1 + square)
  const high = successes === trials ? 1 : (middle + reach) / (1 + square)
  return { low, high }
}
