"""Within a finger's reach: every control can be scrolled to, and the press lands on it."""

from playwright.sync_api import Page, ViewportSize

# Only what a person can scroll is scrolled: `scrollIntoView` moves what is clipped, too.
UNREACHABLE = """async () => {
  const faults = [];
  const open = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document;
  const controls = open.querySelectorAll(
    "a[href], button, input, textarea, select, summary, [role='tab'], [role='switch']");
  const scrolls = (style) => style === "auto" || style === "scroll";
  const show = (element) => {
    for (let at = element.parentElement; at !== null; at = at.parentElement) {
      const style = getComputedStyle(at);
      const room = at.getBoundingClientRect();
      const box = element.getBoundingClientRect();
      if (scrolls(style.overflowY) && at.scrollHeight > at.clientHeight)
        at.scrollTop += box.top + box.height / 2 - room.top - room.height / 2;
      if (scrolls(style.overflowX) && at.scrollWidth > at.clientWidth)
        at.scrollLeft += box.left + box.width / 2 - room.left - room.width / 2;
    }
  };
  const missed = (control, pressed) => {
    const box = pressed.getBoundingClientRect();
    const x = box.left + box.width / 2;
    const y = box.top + box.height / 2;
    const hit = document.elementFromPoint(x, y);
    if (hit !== null && (pressed.contains(hit) || hit.closest("label")?.control === control))
      return null;
    const name = (control.ariaLabel ?? control.innerText ?? control.name ?? "").trim();
    const at = `${Math.round(x)}, ${Math.round(y)}`;
    const above = hit === null ? "the edge" : `${hit.tagName}.${hit.className}`;
    return `${control.tagName} "${name.slice(0, 40)}" at ${at} is behind ${above}`;
  };
  for (const control of controls) {
    if (control.closest("[inert], [aria-hidden='true'], .said, .toasts")) continue;
    if (control.type === "file" || control.type === "hidden" || control.disabled) continue;
    // It is there for screen readers alone.
    if (getComputedStyle(control).clipPath !== "none") continue;
    if (!control.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    // A box that is drawn by its label is pressed there.
    const pressed = control.type === "radio" || control.type === "checkbox"
      ? (control.labels?.[0] ?? control) : control;
    show(pressed);
    let fault = missed(control, pressed);
    // Rows of a long list are drawn when they come into view, and may become taller by it.
    for (let again = 0; fault !== null && again < 10 && control.isConnected; again += 1) {
      await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      fault = missed(control, pressed);
      if (fault !== null) show(pressed);
    }
    if (fault !== null && control.isConnected) faults.push(fault);
  }
  return faults;
}"""


def enlarge(page: Page, screen: ViewportSize) -> None:
    """Text of twice the size, on a screen of this one."""
    page.set_viewport_size(screen)
    page.evaluate("document.documentElement.style.fontSize = '200%'")


def unreachable(page: Page) -> list[str]:
    """Return a line for every control that cannot be pressed, however one scrolls."""
    found: list[str] = page.evaluate(UNREACHABLE)
    return found
