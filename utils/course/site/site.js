// The menu on narrow screens, and a search in the index that stands beside the pages.
(() => {
  "use strict";
  const up = document.documentElement.dataset.up;
  const [menu, nav, field, found] = ["menu", "navigation", "search", "found"].map((id) =>
    document.getElementById(id));

  const fold = (open) => {
    menu.setAttribute("aria-expanded", open);
    nav.classList.toggle("open", open);
  };
  menu.addEventListener("click", () => fold(!nav.classList.contains("open")));
  const current = nav.querySelector("[aria-current]");
  if (current) nav.scrollTop = current.offsetTop - nav.clientHeight / 2;

  const loadIndex = () => {
    if (document.getElementById("index")) return;
    const script = Object.assign(document.createElement("script"), {
      id: "index", src: `${up}index.js`, onload: show });
    document.head.append(script);
  };

  // Words are found by their beginnings: "red" in red_flags, not in measured.
  const START = "(?<![\\p{L}\\p{N}])";
  const beginning = (words) => {
    const plain = words.map((word) => word.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
    return new RegExp(`${START}(${plain.join("|")})`, "giu");
  };

  const score = ({ title, heading, text }, patterns) => {
    const places = [[title, heading ? 2 : 8], [heading, 5], [text, 1]];
    const count = (part, pattern) => Math.min(3, (part.match(pattern) || []).length);
    const sums = patterns.map((pattern) =>
      places.reduce((sum, [part, worth]) => sum + worth * count(part, pattern), 0));
    return sums.every(Boolean) ? sums.reduce((sum, points) => sum + points) : 0;
  };

  const marked = (text, words) => {
    const line = document.createElement("span");
    const at = Math.max(0, text.search(beginning(words)) - 50);
    const start = at && text.indexOf(" ", at) + 1;
    const end = text.length > start + 160 ? text.lastIndexOf(" ", start + 160) : text.length;
    const part = (start ? "… " : "") + text.slice(start, end) + (end < text.length ? " …" : "");
    part.split(beginning(words)).forEach((piece, place) => {
      const mark = Object.assign(document.createElement("mark"), { textContent: piece });
      line.append(place % 2 ? mark : piece);
    });
    return line;
  };

  const entry = (section, words) => {
    const link = Object.assign(document.createElement("a"), { href: up + section.address });
    const title = document.createElement("b");
    title.textContent = [section.title, section.heading].filter(Boolean).join(" › ");
    link.append(title, marked(section.text, words));
    return link;
  };

  const show = () => {
    const words = field.value.split(/\s+/).filter(Boolean);
    found.hidden = !words.length || !window.SECTIONS;
    if (found.hidden) return;
    const patterns = words.map((word) => beginning([word]));
    const hits = window.SECTIONS.map((section, place) => [score(section, patterns), place, section])
      .filter(([points]) => points).sort((a, b) => b[0] - a[0] || a[1] - b[1]).slice(0, 12);
    found.replaceChildren(...hits.map(([, , section]) => entry(section, words)));
    if (!hits.length) found.append("Nothing found.");
  };

  const move = (step) => {
    const stops = [field, ...found.querySelectorAll("a")];
    const next = stops[stops.indexOf(document.activeElement) + step];
    if (next) next.focus();
  };

  field.addEventListener("focus", loadIndex);
  field.addEventListener("input", show);
  document.addEventListener("click", (event) => {
    found.hidden = found.hidden || !event.target.closest(".search");
  });
  document.addEventListener("keydown", (event) => {
    const searching = document.activeElement.closest(".search");
    if (event.key === "/" && !searching) { event.preventDefault(); field.focus(); }
    if (event.key === "Escape") { fold(false); found.hidden = true; field.blur(); }
    if (!searching) return;
    const typing = document.activeElement === field;
    if (event.key === "Enter" && typing) found.querySelector("a")?.click();
    if (event.key === "ArrowDown") { event.preventDefault(); move(1); }
    if (event.key === "ArrowUp") { event.preventDefault(); move(-1); }
  });
})();
