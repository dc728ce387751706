/**
 * Pictures for the figures of the guard, drawn by a page (guard/pictures.py): greeting cards, copies of
 * them as people pass them on, and pictures that are none of them. The same seed draws the same.
 */

/** Pseudo-random numbers from 0 to 1. */
function numbers(seed) {
  let state = (seed * 7919 + 13) >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function canvas(width, height) {
  const made = new OffscreenCanvas(Math.round(width), Math.round(height));
  const context = made.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  return [made, context];
}

const GREETINGS = ["Good morning", "Happy Diwali", "Have a nice day", "Jai Hind", "Suprabhat"];
const WORDS = "officer the station vehicle of reported night patrol accused and section 420".split(
  " ",
);

const DRAWERS = {
  /** A sky, a sun, flowers and a wish. */
  card(next) {
    const [made, context] = canvas(1080, 1080);
    const sky = context.createLinearGradient(0, 0, 1080 * next(), 1080);
    const hue = 360 * next();
    sky.addColorStop(0, `hsl(${hue} 80% ${60 + 30 * next()}%)`);
    sky.addColorStop(1, `hsl(${hue + 60 + 120 * next()} 70% ${20 + 40 * next()}%)`);
    context.fillStyle = sky;
    context.fillRect(0, 0, 1080, 1080);
    disc(context, 1080 * next(), 500 * next(), 60 + 150 * next(), "#ffe08a");
    for (let flower = 3 + 9 * next(); flower > 0; flower--) {
      const [x, y, wide] = [1080 * next(), 400 + 680 * next(), 30 + 60 * next()];
      const colour = `hsl(${360 * next()} 80% ${45 + 30 * next()}%)`;
      for (let leaf = 0; leaf < 6; leaf++)
        disc(context, x + wide * Math.cos(leaf), y + wide * Math.sin(leaf), wide / 2, colour);
      disc(context, x, y, wide * 0.4, "gold");
    }
    context.fillStyle = next() < 0.6 ? "white" : "#440022";
    context.font = `bold ${90 + 50 * next()}px sans-serif`;
    context.textAlign = "center";
    context.fillText(GREETINGS[Math.floor(5 * next())], 540, 150 + 750 * next());
    return made;
  },
  /** A page of text, as a scanner gives it. */
  page(next) {
    const [made, context] = canvas(1240, 1754);
    context.fillStyle = "#fdfdfb";
    context.fillRect(0, 0, 1240, 1754);
    context.fillStyle = "#111111";
    context.font = "26px serif";
    const rows = next() < 0.4;
    for (let y = 200 + 200 * next(); y < 600 + 1000 * next(); y += rows ? 58 : 42) {
      if (rows) context.strokeRect(110, y - 32, 1020, 56);
      let line = "";
      while (line.length < 20 + 50 * next()) line += `${WORDS[Math.floor(12 * next())]} `;
      context.fillText(line, 130, y);
    }
    return made;
  },
  /** A page on a desk, photographed aslant. */
  photographed(next) {
    const text = DRAWERS.page(next);
    const [made, context] = canvas(1200, 1600);
    context.fillStyle = `rgb(${60 + 60 * next()} ${50 + 40 * next()} ${40 + 30 * next()})`;
    context.fillRect(0, 0, 1200, 1600);
    context.translate(600, 800);
    context.rotate(0.12 * (next() - 0.5));
    const scale = 0.78 + 0.15 * next();
    context.drawImage(text, -600 * scale, -848 * scale, 1200 * scale, 1697 * scale);
    return made;
  },
  /** Ground and sky with buildings and vehicles; one in three by night. */
  scene(next) {
    const [made, context] = canvas(1280, 960);
    const night = next() < 0.3;
    const horizon = 250 + 450 * next();
    context.fillStyle = night ? "#0c1018" : `hsl(205 50% ${60 + 25 * next()}%)`;
    context.fillRect(0, 0, 1280, horizon);
    context.fillStyle = night ? "#1b1a17" : `hsl(${30 + 60 * next()} 25% ${30 + 25 * next()}%)`;
    context.fillRect(0, horizon, 1280, 960);
    for (let spot = 0; spot < 120; spot++) {
      context.fillStyle = `rgb(0 0 0 / ${0.25 * next()})`;
      context.fillRect(1280 * next(), horizon + 700 * next(), 160 * next(), 40 * next());
    }
    for (let block = 3 + 8 * next(); block > 0; block--) {
      const light = (night ? 110 : 220) * next();
      context.fillStyle = `rgb(${light + 25} ${light} ${light + 10})`;
      context.fillRect(1280 * next(), horizon - 300 * next(), 60 + 250 * next(), 60 + 300 * next());
    }
    if (night)
      for (let lamp = 0; lamp < 6; lamp++)
        disc(context, 1280 * next(), 960 * next(), 25, "#ffee99");
    return made;
  },
  /** One colour, a gradient, or a short note on white. */
  plain(next) {
    const [made, context] = canvas(900, 700);
    const kind = Math.floor(3 * next());
    const across = context.createLinearGradient(0, 0, 900 * next(), 700);
    across.addColorStop(0, `hsl(${360 * next()} 60% 70%)`);
    across.addColorStop(1, `hsl(${360 * next()} 60% 30%)`);
    context.fillStyle = kind === 0 ? `hsl(${360 * next()} 50% 50%)` : kind === 1 ? across : "white";
    context.fillRect(0, 0, 900, 700);
    context.fillStyle = "black";
    context.font = "30px serif";
    if (kind === 2) context.fillText("Beat four, 06:10", 50 + 300 * next(), 80 + 500 * next());
    return made;
  },
};

function disc(context, x, y, radius, colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, 7);
  context.fill();
}

/** Draw one picture of a kind. */
export function drawn(kind, seed) {
  return DRAWERS[kind](numbers(seed));
}

function redrawn(from, width, height, change = () => undefined) {
  const [made, context] = canvas(width, height);
  context.drawImage(from, 0, 0, made.width, made.height);
  change(context, made.width, made.height);
  return made;
}

const jpeg = (made, quality) => made.convertToBlob({ type: "image/jpeg", quality });

/** Copies of a picture, by what happened to it. */
export const copies = {
  "smaller, JPEG 60": (card) => jpeg(redrawn(card, 240, 240), 0.6),
  "larger, JPEG 70": (card) => jpeg(redrawn(card, 1800, 1800), 0.7),
  "other shape, JPEG 70": (card) => jpeg(redrawn(card, 900, 700), 0.7),
  "JPEG 30": (card) => jpeg(card, 0.3),
  "JPEG 10": (card) => jpeg(card, 0.1),
  "WebP 50": (card) => card.convertToBlob({ type: "image/webp", quality: 0.5 }),
  "twice encoded": async (card) => {
    const once = await createImageBitmap(await jpeg(redrawn(card, 640, 640), 0.5));
    return redrawn(once, 800, 800).convertToBlob({ type: "image/webp", quality: 0.4 });
  },
  "sender's name on it": (card) =>
    jpeg(
      redrawn(card, 1080, 1080, (context) => {
        context.fillStyle = "white";
        context.font = "44px sans-serif";
        context.fillText("From: Ravi Kumar, SI", 50, 1040);
      }),
      0.6,
    ),
  "strip with a name below": (card) =>
    jpeg(
      redrawn(card, 1080, 1080, (context) => {
        context.fillStyle = "white";
        context.fillRect(0, 1015, 1080, 65);
        context.fillStyle = "black";
        context.font = "38px sans-serif";
        context.fillText("Lakshmi, WPC 2231", 50, 1062);
      }),
      0.6,
    ),
  brighter: (card) => {
    const [made, context] = canvas(1080, 1080);
    context.filter = "brightness(1.15) contrast(1.1)";
    context.drawImage(card, 0, 0);
    return jpeg(made, 0.6);
  },
  "2 % cut off on each side": (card) => {
    const [made, context] = canvas(1036, 1036);
    context.drawImage(card, -22, -22);
    return jpeg(made, 0.6);
  },
  "5 % cut off on each side": (card) => {
    const [made, context] = canvas(972, 972);
    context.drawImage(card, -54, -54);
    return jpeg(made, 0.6);
  },
};
