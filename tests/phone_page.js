// The script that `make bench-phone` puts into the page before the app: when something was done and
// when it was to be seen, in ms since 1970. Seen is when the frame with it has been made.
(() => {
  const since1970 = (stamp) => performance.timeOrigin + stamp;
  const painted = () =>
    new Promise((resolve) =>
      requestAnimationFrame(() => setTimeout(() => resolve(since1970(performance.now())))),
    );
  const times = {};
  for (const type of ["click", "keydown"])
    addEventListener(type, (event) => (times[type] = since1970(event.timeStamp)), true);
  const typed = [];
  addEventListener(
    "input",
    async () => {
      const began = times.keydown;
      typed.push((await painted()) - began);
    },
    true,
  );

  /** When an element that matches and says this is on screen, from now on. */
  const seen = (selector, text, within = "") =>
    new Promise((resolve) => {
      const look = () => {
        const found = [...document.querySelectorAll(selector)]
          .slice(-3)
          .some((one) => one.textContent.includes(text) && (!within || one.querySelector(within)));
        if (!found) return false;
        observer.disconnect();
        painted().then(resolve);
        return true;
      };
      const observer = new MutationObserver(look);
      observer.observe(document, {
        subtree: true,
        childList: true,
        characterData: true,
        attributes: true,
      });
      look();
    });
  const waiting = {};
  globalThis.phone = {
    /** Begin to wait under a name, before the act that brings it about. */
    expect: (name, ...what) => void (waiting[name] = seen(...what)),
    when: (name) => waiting[name],
    did: (type) => times[type],
    origin: () => performance.timeOrigin,
    typed,
  };
  globalThis.phone.expect("list", "a[data-row]", "");
  globalThis.phone.expect("first", "h1, h2", "");
})();
