/** One sound at a time: starting one pauses the one that was playing. Speed is kept for all. */

export const SPEEDS = [1, 1.5, 2] as const;

let playing: HTMLAudioElement | null = null;
let speed = $state<(typeof SPEEDS)[number]>(1);

export const soundStage = {
  get speed(): number {
    return speed;
  },
  /** The next speed, for whatever plays now and later. */
  faster(): void {
    const next = SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length];
    speed = next ?? 1;
    if (playing !== null) playing.playbackRate = speed;
  },
  enter(audio: HTMLAudioElement): void {
    if (playing !== null && playing !== audio) playing.pause();
    playing = audio;
    audio.playbackRate = speed;
  },
  leave(audio: HTMLAudioElement): void {
    if (playing === audio) playing = null;
  },
};
