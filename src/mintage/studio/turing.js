// The page of the human test. The sitting lives in the server; this page shows one image, measures, and tells.
"use strict";

const $ = (id) => document.getElementById(id);
const FIXATION_MS = 300;
const LONGEST_S = 3600;
let now = null; // the trial on show: { id, began, ended, ready, practice }

async function ask(route, body) {
  const reply = await fetch(route, body && {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  if (!reply.ok) throw new Error((await reply.text()).trim());
  return reply.json();
}

function trouble(error) {
  const gone = error instanceof TypeError;
  $("trouble").textContent = gone
    ? "The test has been ended in the terminal. Your answers so far are kept."
    : `Something went wrong: ${error.message}. Load this page again to go on.`;
  $("trouble").hidden = false;
}

function only(section) {
  for (const each of ["welcome", "trial", "result"]) $(each).hidden = each !== section;
}

const frame = () => new Promise(requestAnimationFrame);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

function place(state) {
  const practice = state.phase === "practice";
  $("place").textContent = practice ? `Practice ${state.place} of ${state.practice}` : `${state.place} of ${state.n}`;
  $("bar").hidden = practice;
  $("bar").value = state.answered / state.n;
}

function welcome(state) {
  only("welcome");
  const begun = state.answered > 0;
  $("about").textContent = begun
    ? `Welcome back: ${state.answered} of ${state.n} images are judged. Go on where you were.`
    : `You will see ${state.n} images, one after another. Say of each whether it is a real example or was made by `
      + `the generator “${state.name}”.`;
  const seconds = state.show / 1000;
  $("timing").textContent = state.show
    ? `Each image is shown for ${seconds} second${seconds === 1 ? "" : "s"}, then covered. Answer at once or after that.`
    : "Each image stays until you answer. Take your time.";
  $("warmup").textContent = `The first ${state.practice} are practice: you are told the truth, and they do not count.`;
  $("warmup").hidden = state.phase !== "practice";
  $("begin").textContent = begun ? "Go on" : "Begin";
  $("begin").onclick = () => show(state).catch(trouble);
  $("begin").focus();
}

// Small images are enlarged by a whole number, with square pixels; large ones are brought to the stage.
function fit(element, width, height) {
  const stage = $("stage");
  const room = Math.min((stage.clientWidth - 24) / width, (stage.clientHeight - 24) / height);
  const scale = room >= 1 ? Math.floor(room) : room;
  element.style.width = `${Math.floor(width * scale)}px`;
  element.style.height = `${Math.floor(height * scale)}px`;
  element.classList.toggle("pixels", scale > 1);
}

function drawMask(width, height) {
  const mask = $("mask");
  const cell = Math.max(width, height) / 32;
  mask.width = Math.ceil(width / cell);
  mask.height = Math.ceil(height / cell);
  const pen = mask.getContext("2d");
  for (let y = 0; y < mask.height; y += 1) {
    for (let x = 0; x < mask.width; x += 1) {
      const grey = Math.floor(256 * Math.random());
      pen.fillStyle = `rgb(${grey} ${grey} ${grey})`;
      pen.fillRect(x, y, 1, 1);
    }
  }
  fit(mask, width, height);
  mask.classList.add("pixels");
}

function cover(trial) {
  if (trial.ended !== null) return;
  trial.ended = performance.now();
  $("image").hidden = true;
  $("mask").hidden = false;
  $("feedback").textContent = "Real or generated?";
}

async function show(state) {
  if (state.phase === "done") return finish();
  only("trial");
  place(state);
  const trial = { id: state.id, began: 0, ended: null, ready: false, show: state.show };
  now = trial;
  choices(false);
  $("feedback").textContent = "";
  $("feedback").className = "";
  $("onward").hidden = true;
  $("choices").hidden = false;
  $("image").hidden = true;
  $("mask").hidden = true;
  $("fixation").hidden = false;
  const image = $("image");
  image.src = `image/${state.id}`;
  await Promise.all([image.decode(), pause(FIXATION_MS)]);
  fit(image, image.naturalWidth, image.naturalHeight);
  drawMask(image.naturalWidth, image.naturalHeight);
  $("fixation").hidden = true;
  image.hidden = false;
  await frame();
  trial.began = await frame(); // the frame after the one that painted the image
  trial.ready = true;
  choices(true);
  while (trial.show && trial.ended === null && now === trial) {
    const time = await frame();
    if (time - trial.began >= trial.show && now === trial) cover(trial);
  }
}

function choices(open) {
  $("real").disabled = !open;
  $("fake").disabled = !open;
}

async function say(said, event) {
  const trial = now;
  if (!trial || !trial.ready) return;
  trial.ready = false;
  choices(false);
  const at = Math.max(trial.began, event.timeStamp);
  const body = {
    id: trial.id, said, seconds: Math.min(LONGEST_S, (at - trial.began) / 1000),
    visible_ms: Math.min(1000 * LONGEST_S, Math.max(0, (trial.ended ?? at) - trial.began)),
  };
  if (trial.ended === null) trial.ended = at;
  try {
    const { truth, state } = await ask("answer", body);
    if (truth === null) await show(state);
    else tell(said, truth, state);
  } catch (error) {
    trouble(error);
  }
}

function tell(said, truth, state) {
  now = null;
  $("mask").hidden = true;
  $("image").hidden = false;
  const right = said === truth;
  const word = truth === "real" ? "real" : "generated";
  $("feedback").textContent = right ? `✓ Right: it is ${word}.` : `✗ No: it is ${word}.`;
  $("feedback").className = right ? "right" : "wrong";
  $("choices").hidden = true;
  $("onward").hidden = false;
  $("next").textContent = state.phase === "practice" ? "Next" : "Practice is over: begin";
  $("next").onclick = () => show(state).catch(trouble);
  $("next").focus();
}

const percent = (value) => `${Math.round(100 * value)}\u00a0%`;
const unbroken = (text) => text.replaceAll(" %", "\u00a0%").replaceAll("p = ", "p\u00a0=\u00a0");

function svg(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

// Accuracy with its interval on a line from 0 to 100 %, chance in the middle.
function scale(share, width) {
  const x = (value) => 24 + (width - 48) * value;
  const label = `Accuracy ${percent(share.value)}, interval ${percent(share.low)} to ${percent(share.high)}; `
    + "chance is 50 %";
  const drawing = svg("svg", { viewBox: `0 0 ${width} 92`, role: "img", "aria-label": label });
  drawing.append(
    svg("line", { class: "axis", x1: x(0), x2: x(1), y1: 52, y2: 52 }),
    svg("line", { class: "chance", x1: x(0.5), x2: x(0.5), y1: 26, y2: 66 }),
    svg("line", { class: "interval", x1: x(share.low), x2: x(share.high), y1: 52, y2: 52 }),
    svg("circle", { class: "value", cx: x(share.value), cy: 52, r: 8 }),
    svg("text", { class: "strong", x: x(share.value), y: 20 }, `${percent(share.value)} right`),
    svg("text", { x: x(0), y: 84 }, "0 %"),
    svg("text", { x: x(0.5), y: 84 }, "50 %: chance"),
    svg("text", { x: x(1), y: 84 }, "100 %"),
  );
  return drawing;
}

function fact(term, value, detail) {
  const row = element("div");
  const said = element("dd", value);
  if (detail) said.append(element("small", detail));
  row.append(element("dt", term), said);
  return row;
}

function shared(term, share) {
  if (!share) return fact(term, "–", "there were none");
  return fact(term, percent(share.value), `${share.k} of ${share.n}; ${percent(share.low)} to ${percent(share.high)}`);
}

function shown(picture, index) {
  const figure = element("figure");
  const image = element("img");
  image.src = `image/${picture.id}`;
  const right = picture.real === picture.said_real;
  const word = (real) => (real ? "real" : "generated");
  image.alt = `Image ${index + 1}`;
  image.onload = () => image.classList.toggle("pixels", image.naturalWidth < image.clientWidth);
  const caption = element("figcaption");
  caption.append(element("b", right ? "✓" : "✗", right ? "right" : "wrong"), ` ${word(picture.real)}`);
  if (!right) caption.append(element("br"), element("span", `you: ${word(picture.said_real)}`, "note"));
  figure.append(image, caption);
  return figure;
}

async function finish() {
  now = null;
  const { score, images } = await ask("result");
  only("result");
  $("place").textContent = "Done";
  $("bar").hidden = true;
  $("verdict").textContent = score.verdict[0].toUpperCase() + score.verdict.slice(1);
  const reading = score.reading.slice(score.reading.indexOf(":") + 2);
  $("reading").textContent = unbroken(reading[0].toUpperCase() + reading.slice(1));
  $("scale").replaceChildren(scale(score.accuracy, Math.max(280, $("scale").clientWidth)),
    element("figcaption", unbroken("The band is the interval of 95 % for the accuracy.")));
  $("facts").replaceChildren(
    shared("Generated, taken for real", score.fooled),
    shared("Real, taken for generated", score.doubted),
    fact("Sensitivity d′", score.sensitivity.toFixed(2).replace("-", "−"), "0 is blind, 1 is fair, 3 is sharp"),
    fact("Median time to answer", `${score.seconds.toFixed(2)} s`),
  );
  $("grid").replaceChildren(...images.map(shown));
  $("result").focus({ preventScroll: true });
}

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const said = { ArrowLeft: "real", r: "real", R: "real", ArrowRight: "fake", f: "fake", F: "fake" }[event.key];
  if (said && now) {
    event.preventDefault();
    say(said, event);
  }
});
$("real").addEventListener("click", (event) => say("real", event));
$("fake").addEventListener("click", (event) => say("fake", event));
document.addEventListener("visibilitychange", () => {
  if (document.hidden && now && now.ready && now.show) cover(now); // what nobody sees must not go on being shown
});

ask("state").then((state) => (state.phase === "done" ? finish() : welcome(state))).catch(trouble);
