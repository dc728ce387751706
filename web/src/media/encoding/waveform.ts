/**
 * Waveforms of voice notes: 64 loudness values from 0 to 100. Pure; imports nothing.
 *
 * Loudness is the root mean square of a slice on a decibel scale from -50 dBFS (0) to the loudest
 * slice (100), because a linear scale shows speech as a flat line with spikes.
 */

export const WAVEFORM_VALUES = 64;
const FLOOR_DB = -50;

/** Root mean square of samples in [-1, 1]. */
export function loudness(samples: ArrayLike<number>, start = 0, end = samples.length): number {
  if (end <= start) return 0;
  let sum = 0;
  for (let i = start; i < end; i++) {
    const value = samples[i] ?? 0;
    sum += value * value;
  }
  return Math.sqrt(sum / (end - start));
}

/** A loudness in [0, 1] as a level from 0 to 100, for the live meter. */
export function level(rms: number): number {
  if (rms <= 0) return 0;
  const decibels = 20 * Math.log10(rms);
  return Math.round(Math.min(1, Math.max(0, 1 - decibels / FLOOR_DB)) * 100);
}

/** Any number of levels as exactly `count`: averaged when there are more, repeated when fewer. */
export function resample(levels: readonly number[], count = WAVEFORM_VALUES): number[] {
  if (levels.length === 0) return new Array<number>(count).fill(0);
  return Array.from({ length: count }, (_, i) => {
    const start = Math.floor((i * levels.length) / count);
    const end = Math.max(start + 1, Math.floor(((i + 1) * levels.length) / count));
    let sum = 0;
    for (let j = start; j < end; j++) sum += levels[j] ?? 0;
    return sum / (end - start);
  });
}

/** Stretch so that the loudest value is 100; silence stays silent. Whole numbers, 0 to 100. */
export function normalise(levels: readonly number[]): number[] {
  const peak = Math.max(0, ...levels);
  if (peak === 0) return levels.map(() => 0);
  return levels.map((value) => Math.round((Math.min(peak, Math.max(0, value)) / peak) * 100));
}

/** The waveform of recorded levels (one for each tick of the recorder). */
export function fromLevels(levels: readonly number[]): number[] {
  return normalise(resample(levels));
}

/** The waveform of decoded sound, one channel. */
export function fromSamples(samples: ArrayLike<number>): number[] {
  const levels = Array.from({ length: WAVEFORM_VALUES }, (_, i) => {
    const start = Math.floor((i * samples.length) / WAVEFORM_VALUES);
    const end = Math.floor(((i + 1) * samples.length) / WAVEFORM_VALUES);
    return level(loudness(samples, start, end));
  });
  return normalise(levels);
}
