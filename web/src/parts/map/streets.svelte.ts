/**
 * Whether places in conversations draw streets by themselves. The map server learns the area of each
 * place that is drawn, so this device asks it only after its person has pressed for streets once.
 */
const KEY = "copconnect.streets";

function stored(): boolean {
  try {
    return localStorage.getItem(KEY) === "1";
  } catch {
    return false;
  }
}

let wanted = $state(stored());

export const streets = {
  get wanted(): boolean {
    return wanted;
  },
  want(on: boolean): void {
    wanted = on;
    try {
      if (on) localStorage.setItem(KEY, "1");
      else localStorage.removeItem(KEY);
    } catch {
      // Refused in private modes: the choice lasts as long as the page.
    }
  },
};
