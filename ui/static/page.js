// The page of one mount. What it shows comes as text and stays text: names of files never become markup.
const $ = (id) => document.getElementById(id);
const here = (path) => new URL(path, document.baseURI);

function size(n) {
  if (n < 1000) return `${n} B`;
  const units = ["kB", "MB", "GB", "TB", "PB"];
  let i = -1;
  do { n /= 1000; i++; } while (n >= 999.95 && i < units.length - 1);
  return `${n < 10 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

function span(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

const count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

function el(tag, text, cls) {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (cls) e.className = cls;
  return e;
}

function row(...cells) {
  const tr = el("tr");
  for (const c of cells) tr.append(c);
  return tr;
}

// nameCell shows a path: the name, and below it the folder.
function nameCell(path) {
  const at = path.lastIndexOf("/"), td = el("td", path.slice(at + 1));
  td.append(el("span", path.slice(0, Math.max(0, at)), "folder"));
  return td;
}

const states = {
  writing: "being written", settling: "rests before it is sent", waiting: "waits for its turn", uploading: "uploading",
  confirming: "Frame.io is confirming it", verifying: "being verified", held: "held on this machine", parked: "parked",
};

function leaving(f) {
  const p = el("progress");
  p.max = Math.max(1, f.size);
  p.value = f.stage === "confirming" || f.stage === "verifying" ? p.max : f.sent;
  p.title = `${size(f.sent)} of ${size(f.size)}`;
  const bar = el("td");
  bar.append(p);
  let state = states[f.stage] ?? f.stage;
  if (f.stage === "uploading") state += ` ${Math.floor((100 * f.sent) / p.max)} %`;
  if (f.copy_of) state = "Frame.io copies it";
  const cell = el("td", state, "state");
  if (f.error) cell.append(el("span", f.error, "folder"));
  if (f.paused) cell.firstChild.data = "paused";
  const act = el("td"), b = el("button", "First");
  b.title = "send it before all others";
  b.addEventListener("click", () => order("first", [f.path], b));
  if (["settling", "waiting", "uploading"].includes(f.stage)) act.append(b);
  return row(nameCell(f.path), el("td", size(f.size), "num"), bar, cell, act);
}

function attention(what) {
  const b = el("button", "Try again"), act = el("td");
  b.addEventListener("click", () => order("retry", [what.path], b));
  if (what.parked) act.append(b);
  return row(nameCell(what.path), el("td", what.reason || what.error || "", what.parked ? "bad" : "warn"), act);
}

// order asks the mount for something; what comes of it is seen in its status.
async function order(what, paths, button) {
  button.disabled = true;
  const answer = await fetch(here(what), { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ paths }) }).catch((e) => e);
  if (!answer.ok) say(`That could not be asked for: ${answer.status ? await answer.text() : "the mount does not answer"}`);
  button.disabled = false;
}

function say(text) {
  $("trouble").textContent = text;
  $("trouble").hidden = !text;
}

function show(st) {
  const t = st.totals;
  document.title = t.files ? `${t.files} on their way – frameiofs` : t.parked ? `${t.parked} parked – frameiofs` : "frameiofs";
  $("mountpoint").textContent = st.mountpoint;
  $("where").textContent = `${st.user} · ${st.root} · ${st.api.toUpperCase()}${st.read_only ? " · read-only" : ""}`;
  $("link").textContent = { up: "Frame.io answers", down: "no link to Frame.io", unknown: "not asked yet" }[st.link.state] ?? st.link.state;
  $("link").className = `pill ${st.link.state}`;
  say(st.trouble || (st.link.state === "down" ? `${st.link.error}. What was written is safe here and goes on when the link is back.` : ""));
  $("sum-leaving").textContent = count(t.files, "file");
  $("sum-bytes").textContent = t.files ? `${size(t.sent)} of ${size(t.bytes)}` : t.writing ? `${count(t.writing, "file")} being written` : "all is on Frame.io";
  $("sum-rate").textContent = `${size(Math.round(t.rate))}/s`;
  $("sum-left").textContent = t.time_left ? `${span(t.time_left)} left, by ${t.limited_by || "bandwidth"}` : "";
  if (st.paused) $("sum-left").textContent = "paused by you";
  $("pause").textContent = st.paused ? "Resume" : "Pause";
  $("pause").hidden = false;
  $("sum-parked").textContent = (t.parked + t.names_parked).toLocaleString("en");
  $("box-parked").className = t.parked + t.names_parked ? "some" : "";
  $("sum-held").textContent = [t.held && `${t.held} held`, t.local && `${t.local} stay here by their names`].filter(Boolean).join(", ");
  $("sum-cache").textContent = size(st.cache.used);
  $("sum-down").textContent = t.rate_down >= 1 ? `${size(Math.round(t.rate_down))}/s from Frame.io` : "";
  $("sum-disk").textContent = `of ${size(st.cache.limit)}; ${size(st.disk_free)} free for writing`;

  const files = st.files ?? [], names = st.names ?? [];
  const mine = files.filter((f) => f.stage === "parked" || (f.stage === "held" && !f.local)).map((f) => ({ ...f, parked: f.stage === "parked" }));
  const all = [...names.filter((n) => n.parked), ...mine];
  $("attention-rows").replaceChildren(...all.map(attention));
  $("attention").hidden = all.length === 0;
  $("retry-all").hidden = !all.some((f) => f.parked);

  const going = files.filter((f) => f.stage !== "parked" && f.stage !== "held");
  $("leaving-rows").replaceChildren(...going.map(leaving));
  $("leaving").hidden = going.length === 0;
  $("leaving-none").hidden = going.length > 0;
  $("leaving-none").textContent = all.length || t.local ? "Nothing." : "Nothing: Frame.io has everything.";
  $("leaving-more").hidden = !st.left_out;
  $("leaving-more").textContent = st.left_out ? `… and ${count(st.left_out, "more file")}` : "";
  const waiting = names.filter((n) => !n.parked);
  $("names-rows").replaceChildren(...waiting.slice(0, 50).map((n) => row(el("td", n.what), nameCell(n.path), el("td", n.error || n.reason || "waits for Frame.io's limits"))));
  $("names").hidden = waiting.length === 0;
  $("foot").textContent = `frameiofs ${st.version} · process ${st.pid} · since ${new Date(st.since).toLocaleString()}`;
}

const proofs = {
  checksum: "Frame.io's checksum is right", full: "all of it was read back", sample: "samples were read back",
  parts: "the checksums of all parts, and the size", size: "the size",
};

function proof(r) {
  if (r.damaged) return `damaged on Frame.io: ${r.damaged}`;
  if (r.awaited) return "uploaded; Frame.io's checksum is awaited";
  return proofs[r.proof] ?? r.proof ?? "";
}

function confirmed(list) {
  $("confirmed-rows").replaceChildren(...list.map((r) =>
    row(el("td", new Date(r.verified ?? r.uploaded).toLocaleTimeString(), "when"), nameCell(r.path || r.name), el("td", size(r.size), "num"),
      el("td", proof(r), r.damaged ? "bad" : undefined), el("td", r.xxh64 ?? "", "hash"))));
  $("confirmed-none").hidden = list.length > 0;
}

function projects(list) {
  $("projects").replaceChildren(...list.map((p) => {
    const d = el("div", undefined, "project"), bar = el("progress");
    bar.max = Math.max(1, p.size);
    bar.value = p.here;
    d.append(el("span", p.path), bar, el("small", `${size(p.here)} of ${size(p.size)}${p.pinned ? `, ${p.pinned} pinned` : ""}`));
    return d;
  }));
  $("projects-none").hidden = list.length > 0;
}

// plot draws the last hour; where nothing was noted there is nothing.
function plot(points) {
  const now = Date.now(), hour = 3600e3;
  const most = Math.max(1, ...points.map((p) => Math.max(p.rate, p.down)));
  if (points.length === 1) points = [{ ...points[0], at: new Date(Date.parse(points[0].at) - 10e3) }, points[0]];
  const at = (what) => points.map((p) => [720 * (1 - (now - Date.parse(p.at)) / hour), 116 - (110 * p[what]) / most]).filter(([x]) => x >= 0);
  const draw = (xy) => xy.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  const xy = at("rate"), line = draw(xy);
  $("plot-down").setAttribute("d", draw(at("down")));
  $("plot-line").setAttribute("d", line);
  $("plot-area").setAttribute("d", xy.length ? `${line}L${xy.at(-1)[0].toFixed(1)} 118L${xy[0][0].toFixed(1)} 118Z` : "");
  $("plot-most").textContent = most > 1 ? `at most ${size(Math.round(most))}/s` : "";
}

async function get(path, use) {
  try {
    const answer = await fetch(here(path));
    if (answer.ok) use(await answer.json());
  } catch { /* the events tell that the mount has gone */ }
}

function refresh() {
  get("confirmed", confirmed);
  get("history", plot);
}

$("retry-all").addEventListener("click", () => order("retry", [], $("retry-all")));
$("pause").addEventListener("click", () => order($("pause").textContent === "Pause" ? "pause" : "resume", [], $("pause")));
const events = new EventSource(here("events"));
let last = "";
events.onmessage = (e) => {
  const st = JSON.parse(e.data);
  show(st);
  const now = `${st.totals.files} ${st.totals.parked}`;
  if (now !== last) refresh();
  last = now;
};
events.onerror = () => {
  $("link").textContent = "the mount does not answer";
  $("link").className = "pill down";
};
setInterval(refresh, 10e3);
setInterval(() => get("projects", projects), 60e3);
get("projects", projects);
