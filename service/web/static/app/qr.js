/** Draws a code as a QR: numeric, version 5 or more, level L, sharp at every size. */

import { correction, generate, mode } from "../vendor/lean-qr/index.mjs";

const SMALLEST_VERSION = 5;
const QUIET_ZONE_MODULES = 4;

const drawn = new WeakSet();

/** Draw `digits` on `canvas`, one pixel a module, as large as `panel` allows. */
export function drawQr(canvas, panel, digits) {
  const qr = generate(mode.numeric(digits), {
    minVersion: SMALLEST_VERSION,
    minCorrectionLevel: correction.L,
    maxCorrectionLevel: correction.L,
  });
  qr.toCanvas(canvas, { pad: QUIET_ZONE_MODULES });
  fit(canvas, panel);
  if (!drawn.has(canvas)) new ResizeObserver(() => fit(canvas, panel)).observe(panel);
  drawn.add(canvas);
}

/** Wipe the canvas: a code that is no longer good must not be scanned. */
export function wipeQr(canvas) {
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
}

// A whole number of device pixels a module: anything else blurs the edges that a till looks for.
function fit(canvas, panel) {
  const pixels = devicePixelRatio;
  const scale = Math.max(Math.floor((panel.clientWidth * pixels) / canvas.width), 1);
  canvas.style.width = `${(scale * canvas.width) / pixels}px`;
}
