/** Whether a sound is playing or paused: the bar with its code is fetched with the first one. */
let current = $state(false);

export const sounding = {
  get on(): boolean {
    return current;
  },
  set(on: boolean): void {
    current = on;
  },
};
