/** This person's hours of duty. They stay on this device: the server is never told. */
import { readDuty, type Duty } from "#push/duty.ts";

const KEY = "copconnect.notifications.duty";

function stored(): Duty | null {
  try {
    return readDuty(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

let current = $state.raw<Duty | null>(stored());

export const duty = {
  /** null: messages sound at every time. */
  get current(): Duty | null {
    return current;
  },
  set(next: Duty | null): void {
    current = next;
    try {
      if (next === null) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, JSON.stringify(next));
    } catch {
      // Refused in private modes: the choice lasts as long as the page.
    }
  },
};
