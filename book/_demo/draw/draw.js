/* A digit to draw: two networks that learnt one digit redraw what is drawn, here in the page.
   Data come as scripts that call drawDigit.loaded(...), because a page that was opened as a file
   may not fetch. Images are Float32Array, channel after channel, rows from the top, in [-1, 1];
   the drawing is kept as MNIST keeps digits, light ink (255) on dark paper (0). */
"use strict";

const drawDigit = (() => {
  const SIZE = 280; // of the pad
  const SIDE = 32; // of what the networks see: MNIST's 28 pixels with a border of 2
  const BOX = 20; // MNIST scales a digit into so many pixels ...
  const FIELD = 28; // ... and puts its centre of mass in the middle of so many
  const PEN = 2.4; // width of a stroke in those pixels, about that of MNIST's writers
  const FINE = 8; // strokes are drawn so many times larger, then averaged
  const here = document.currentScript.src.replace(/[^/]*$/, "");

  const networks = {}; // digit → method → {layers, threshold, counts, highest, auroc, settings}
  let strokes = []; // lists of [x, y], in shares of the pad's side
  let image = null; // Uint8Array, 32 x 32, what the networks are shown
  let normal; // the digit, as text

  // --- the networks -----------------------------------------------------------------------------

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const floats = (text) => new Float32Array(bytes(text).buffer);

  function unpack(layer) {
    const weight = Float32Array.from(new Int8Array(bytes(layer.weight).buffer));
    const step = floats(layer.step); // one an output channel
    const [first, second, k] = layer.shape; // (out, in, k, k), or upwards (in, out, k, k)
    for (let i = 0; i < weight.length; i++) {
      const row = Math.floor(i / (k * k));
      weight[i] *= step[layer.upwards ? row % second : Math.floor(row / second)];
    }
    return { ...layer, first, second, k, weight, bias: floats(layer.bias) };
  }

  /* A convolution gathers from k x k patches of the large image; a transposed one, `upwards`,
     paints them. Both pair the same pixels, so one loop does for both. */
  function convolve(x, side, { upwards, first, second, k, stride, padding, weight, bias }) {
    const large = upwards ? (side - 1) * stride - 2 * padding + k : side;
    const small = upwards ? side : Math.floor((side + 2 * padding - k) / stride) + 1;
    const area = (upwards ? large : small) ** 2;
    const y = new Float32Array(bias.length * area).map((_, i) => bias[Math.floor(i / area)]);
    for (let a = 0; a < first; a++)
      for (let b = 0; b < second; b++)
        for (let r = 0; r < small; r++)
          for (let u = 0; u < k; u++) {
            const row = r * stride - padding + u;
            if (row < 0 || row >= large) continue;
            for (let c = 0; c < small; c++)
              for (let v = 0; v < k; v++) {
                const column = c * stride - padding + v;
                if (column < 0 || column >= large) continue;
                const inSmall = (a * small + r) * small + c;
                const inLarge = (b * large + row) * large + column;
                const w = weight[((a * second + b) * k + u) * k + v];
                if (upwards) y[inLarge] += x[inSmall] * w;
                else y[inSmall] += x[inLarge] * w;
              }
          }
    return [y, upwards ? large : small];
  }

  const leaky = (value) => (value < 0 ? 0.2 * value : value);
  const ACTIVATIONS = { leaky, relu: (value) => Math.max(value, 0), tanh: Math.tanh };

  function redraw(layers, x) {
    let side = SIDE;
    for (const layer of layers) {
      [x, side] = convolve(x, side, layer);
      x = x.map(ACTIVATIONS[layer.then]);
    }
    return x;
  }

  /* What a model makes of uint8 pixels: its picture, and the mean squared error, its score. */
  function judge(model, pixels) {
    model.unpacked ??= model.layers.map(unpack);
    const x = Float32Array.from(pixels, (value) => (value * 2) / 255 - 1);
    const redrawn = redraw(model.unpacked, x);
    const score = x.reduce((sum, value, i) => sum + (value - redrawn[i]) ** 2, 0) / x.length;
    return { x, redrawn, score };
  }

  // --- from strokes to an image as MNIST has them -----------------------------------------------

  /* Strokes are scaled, not pixels, so that small writing gets no thicker lines than large. */
  function rasterise() {
    const points = strokes.flat();
    const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
    const [left, top] = [Math.min(...xs), Math.min(...ys)];
    const extent = Math.max(Math.max(...xs) - left, Math.max(...ys) - top, 0.02);
    const scale = ((BOX - PEN) * FINE) / extent;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = FIELD * FINE;
    const ink = canvas.getContext("2d", { willReadFrequently: true });
    const fit = (value, start) => (value - start) * scale + (PEN / 2) * FINE;
    trace(ink, strokes, PEN * FINE, ([x, y]) => [fit(x, left), fit(y, top)]);
    const fine = ink.getImageData(0, 0, canvas.width, canvas.height).data;
    const small = new Float32Array(FIELD * FIELD);
    for (let i = 0; i < canvas.width ** 2; i++) {
      const row = Math.floor(i / canvas.width / FINE);
      const column = Math.floor((i % canvas.width) / FINE);
      small[row * FIELD + column] += fine[4 * i + 3] / FINE ** 2; // opacity
    }
    return centred(small);
  }

  /* Move the centre of mass to the middle of 28 x 28 pixels, by whole pixels, inside 32 x 32. */
  function centred(small) {
    let [mass, down, along] = [0, 0, 0];
    small.forEach((value, i) => {
      mass += value;
      down += value * Math.floor(i / FIELD);
      along += value * (i % FIELD);
    });
    const middle = SIDE / 2; // the mean over MNIST, pixels counted from 0
    const [dy, dx] = [down, along].map((sum) => Math.round(middle - sum / mass));
    const pixels = new Uint8Array(SIDE * SIDE);
    small.forEach((value, i) => {
      const [row, column] = [Math.floor(i / FIELD) + dy, (i % FIELD) + dx];
      if (value && row >= 0 && row < SIDE && column >= 0 && column < SIDE)
        pixels[row * SIDE + column] = Math.round(value);
    });
    return pixels;
  }

  function trace(context, lines, width, place) {
    context.lineWidth = width;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    for (const line of lines) {
      context.moveTo(...place(line[0]));
      for (const point of line) context.lineTo(...place(point)); // the first again: a dot shows
    }
    context.stroke();
  }

  // --- what the page shows ----------------------------------------------------------------------

  const element = (id) => document.getElementById(`draw-${id}`);

  /* Paint 32 x 32 colours; the style sheet enlarges them. */
  function paint(canvas, colour) {
    const context = canvas.getContext("2d");
    const picture = context.createImageData(SIDE, SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) picture.data.set([...colour(i), 255], 4 * i);
    context.putImageData(picture, 0, 0);
  }

  const black = () => [0, 0, 0];
  const grey = (value) => [1, 1, 1].map(() => 127.5 * (value + 1));

  /* Orange: drawn, but not redrawn. Blue: redrawn, but not drawn. */
  function differs(value) {
    const strength = Math.min(1, Math.abs(value) / 1.5);
    return (value > 0 ? [240, 110, 20] : [40, 140, 240]).map((tone) => tone * strength);
  }

  const number = (value) => value.toPrecision(3);

  function histogram(model, score) {
    const [width, height] = [320, 110];
    const most = 1.05 * Math.max(model.highest, score ?? 0);
    const at = (value) => (value / most) * width;
    const bar = at(model.highest) / model.counts.length;
    const tallest = Math.max(...model.counts);
    const bars = model.counts.map((count, i) => {
      const tall = (count / tallest) * 70;
      return `<rect class="bar" x="${i * bar}" y="${90 - tall}" width="${bar}" height="${tall}"/>`;
    });
    const line = (value, kind, word, y) => {
      const end = at(value) > width / 2;
      return `<line class="${kind}" x1="${at(value)}" x2="${at(value)}" y1="${y}" y2="90"/>
        <text class="${kind}" x="${at(value) + (end ? -4 : 4)}" y="${y + 8}"
          text-anchor="${end ? "end" : "start"}">${word}</text>`;
    };
    return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Histogram of the scores of
      validation images, with the threshold ${number(model.threshold)}${
        score === null ? "" : ` and this drawing's score ${number(score)}`}">
      ${bars.join("")}<line class="axis" x1="0" x2="${width}" y1="90" y2="90"/>
      ${line(model.threshold, "threshold", "threshold", 14)}
      ${score === null ? "" : line(score, "mine", "this digit", 0)}
      <text x="0" y="105">0</text>
      <text x="${width / 2}" y="105" text-anchor="middle">score</text>
      <text x="${width}" y="105" text-anchor="end">${number(most)}</text>
    </svg>`;
  }

  function show() {
    if (!networks[normal]) return load(normal);
    paint(element("seen"), (i) => grey(((image?.[i] ?? 0) * 2) / 255 - 1));
    for (const [method, model] of Object.entries(networks[normal])) {
      const { x, redrawn, score } = image ? judge(model, image) : { score: null };
      const draw = (kind, colour) => paint(element(`${method}-${kind}`), image ? colour : black);
      draw("redrawn", (i) => grey(redrawn[i]));
      draw("difference", (i) => differs(x[i] - redrawn[i]));
      const [side, verdict] = score > model.threshold ? ["above", "novel"] : ["below", "normal"];
      element(`${method}-score`).textContent = image
        ? `Score ${number(score)}, ${side} the threshold ${number(model.threshold)}: ${verdict}`
        : "Draw a digit, or take a test image.";
      element(`${method}-score`).dataset.score = score ?? "";
      element(`${method}-histogram`).innerHTML = histogram(model, score);
      const [auroc, low, high] = model.auroc.map((value) => value.toFixed(3));
      const { width, epochs } = model.settings;
      element(`${method}-about`).textContent =
        `Trained on digit ${normal}: width ${width}, ${epochs} epochs, ` +
        `AUROC ${auroc} [${low}, ${high}] on MNIST's test images.`;
    }
  }

  const pad = () => element("pad").getContext("2d");

  function redrawPad() {
    pad().clearRect(0, 0, SIZE, SIZE);
    pad().strokeStyle = "white";
    trace(pad(), strokes, SIZE / 12, (point) => point.map((share) => share * SIZE));
  }

  function clear() {
    strokes = [];
    image = null;
    redrawPad();
    show();
  }

  // --- what a visitor does ----------------------------------------------------------------------

  function load(digit) {
    if (document.getElementById(`draw-data-${digit}`)) return; // on its way
    const src = `${here}${digit === "presets" ? "presets" : `digit-${digit}`}.js`;
    const script = Object.assign(document.createElement("script"), { id: `draw-data-${digit}`, src });
    script.onerror = () => {
      script.remove(); // so that another click tries again
      element("trouble").textContent = `${src} is missing; make it with: ocnd demo`;
    };
    document.head.append(script);
  }

  function loaded(content) {
    if (content.presets)
      return element("presets").replaceChildren(...content.presets.map(presetButton));
    networks[content.digit] = content.models;
    element("trouble").textContent = "";
    show();
  }

  function presetButton(preset, index) {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const [canvas, pixels] = [document.createElement("canvas"), bytes(preset.pixels)];
    canvas.width = canvas.height = SIDE;
    paint(canvas, (i) => grey((pixels[i] * 2) / 255 - 1));
    button.ariaLabel = `Test image ${index + 1}, a ${preset.digit}`;
    button.append(canvas);
    button.onclick = () => {
      clear();
      image = pixels;
      show();
      pad().drawImage(element("seen"), 0, 0, SIZE, SIZE);
    };
    return button;
  }

  function start() {
    const canvas = element("pad");
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    let drawing = null; // the stroke in progress, and whose pointer draws it
    canvas.onpointerdown = (event) => {
      if (drawing !== null) return; // a second finger
      if (!strokes.length) image = null; // a preset gives way
      canvas.setPointerCapture(event.pointerId);
      drawing = event.pointerId;
      strokes.push([place(event)]);
      redrawPad();
    };
    canvas.onpointermove = (event) => {
      if (event.pointerId !== drawing) return;
      strokes.at(-1).push(place(event));
      redrawPad();
    };
    canvas.onpointerup = canvas.onpointercancel = (event) => {
      if (event.pointerId !== drawing) return;
      drawing = null;
      image = rasterise();
      show();
    };
    element("clear").onclick = clear;
    const choose = () => {
      normal = document.querySelector('input[name="draw-normal"]:checked').value;
      show();
    };
    element("choice").onchange = choose;
    load("presets");
    choose(); // after a reload it may be another one than 8
  }

  document.addEventListener("DOMContentLoaded", start);
  return { loaded, seen: () => image };
})();
