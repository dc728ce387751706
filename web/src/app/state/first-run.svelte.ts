/** Whether this page has just registered the device, and whether its last step is still shown. */
class FirstRunState {
  started = $state(false);
  showDone = $state(false);
}

export const firstRun = new FirstRunState();
