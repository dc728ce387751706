/**
 * Whether a device that nobody vouches for shows its waiting screen, or what it holds from before:
 * the person may leave the screen until the page is loaded again.
 */
let left = $state(false);

export const waitingHome = {
  get left(): boolean {
    return left;
  },
  leave(): void {
    left = true;
  },
  comeBack(): void {
    left = false;
  },
};
