"use strict";
// The paired comparison of bench.metrics.statistics, computed here so that any two of many models can be compared.
(() => {
  const { n, z, t, points, less, samples, models } = globalThis.OUTCOMES;
  const form = document.getElementById("pair");
  const names = Object.keys(models);
  if (names.length < 2) {
    document.getElementById("verdict").textContent = "There are fewer than two models to compare.";
    return;
  }

  const unpack = (packed) => {
    if (Array.isArray(packed)) return packed;
    const bytes = atob(packed);
    return Array.from({ length: n }, (_, i) => (bytes.charCodeAt(i >> 3) >> (7 - (i & 7))) & 1);
  };

  const wilson = (k) => {
    const p = k / n;
    const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
    const half = (z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
    return { value: p, low: k === 0 ? 0 : Math.max(0, centre - half), high: k === n ? 1 : Math.min(1, centre + half) };
  };

  const newcombe = (both, first, second) => {
    const neither = n - both - first - second;
    const a = wilson(both + first);
    const b = wilson(both + second);
    const product = (both + first) * (second + neither) * (both + second) * (first + neither);
    let phi = 0;
    if (product) {
      const covered = both * neither - first * second;
      phi = (covered > 0 ? Math.max(covered - n / 2, 0) : covered) / Math.sqrt(product);
    }
    const reach = (x, y) => Math.sqrt(Math.max(x * x - 2 * phi * x * y + y * y, 0));
    const value = a.value - b.value;
    return { value, low: value - reach(a.value - a.low, b.high - b.value), high: value + reach(a.high - a.value, b.value - b.low) };
  };

  const mcnemar = (first, second) => {
    const discordant = first + second;
    if (!discordant) return 1;
    let logarithm = -discordant * Math.LN2; // of the probability of 0 of them, then of 1, ...
    let tail = 0;
    for (let k = 0; k <= Math.min(first, second); k += 1) {
      tail += Math.exp(logarithm);
      logarithm += Math.log((discordant - k) / (k + 1));
    }
    return Math.min(1, 2 * tail);
  };

  const paired = (x, y) => {
    const mean = (values) => values.reduce((sum, value) => sum + value, 0) / n;
    const sides = { a: mean(x), b: mean(y) };
    const coins = [...x, ...y].every((value) => value === 0 || value === 1);
    if (!coins) {
      const differences = x.map((value, i) => value - y[i]);
      const value = mean(differences);
      const spread = Math.sqrt(differences.reduce((sum, one) => sum + (one - value) ** 2, 0) / (n - 1));
      const half = (t * spread) / Math.sqrt(n);
      return { ...sides, value, low: value - half, high: value + half, only: ["", ""], p: null };
    }
    const count = (one, other) => x.reduce((sum, value, i) => sum + (value === one && y[i] === other), 0);
    const [both, first, second] = [count(1, 1), count(1, 0), count(0, 1)];
    return { ...sides, ...newcombe(both, first, second), only: [first, second], p: mcnemar(first, second) };
  };

  const percent = (value) => (100 * value).toFixed(1);
  const signed = (value) => (value > 0 ? "+" : "") + percent(value);

  const titleOf = (name) => [...form.elements.a.options].find((option) => option.value === name).textContent;

  const show = () => {
    const [a, b] = [form.elements.a.value, form.elements.b.value];
    const body = document.querySelector("#paired tbody");
    const measures = Object.keys(models[a]).filter((measure) => measure in models[b]);
    const found = measures.map((measure) => ({ measure, ...paired(unpack(models[a][measure]), unpack(models[b][measure])) }));
    const coins = found.some((one) => one.p !== null); // without, nothing can be counted, and there is no p
    body.replaceChildren(
      ...found.map((one) => {
        const row = document.createElement("tr");
        const head = document.createElement("th");
        head.scope = "row";
        head.className = "named";
        head.textContent = one.measure;
        const p = one.p === null ? "" : one.p < 0.001 ? one.p.toExponential(1) : one.p.toFixed(3);
        const cells = [percent(one.a), percent(one.b), `${signed(one.value)} [${signed(one.low)}, ${signed(one.high)}]`];
        if (coins) cells.push(...one.only, p);
        row.append(
          head,
          ...cells.map((text) => {
            const cell = document.createElement("td");
            cell.className = "n";
            cell.textContent = text;
            return cell;
          }),
        );
        return row;
      }),
    );
    for (const head of document.querySelectorAll("#paired .coins")) head.hidden = !coins;
    const main = found[0];
    const [higher, lower] = less ? [b, a] : [a, b];
    const better = less ? "smaller" : "higher";
    const ahead = main.low > 0 ? higher : main.high < 0 ? lower : "";
    document.getElementById("verdict").textContent =
      a === b
        ? "Choose two different models."
        : ahead
          ? `${titleOf(ahead)} has the ${better} ${main.measure}, by ${percent(Math.abs(main.value))} ${points}: the interval of the difference excludes zero.`
          : `These ${samples} cannot tell which of the two has the ${better} ${main.measure}: the interval of the difference includes zero.`;
    document.getElementById("paired").hidden = false;
    history.replaceState(null, "", `#a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}`);
  };

  const asked = new URLSearchParams(location.hash.slice(1));
  const chosen = (key, otherwise) => (names.includes(asked.get(key)) ? asked.get(key) : otherwise);
  const offered = [...form.elements.a.options].map((option) => option.value); // the ranked ones first
  form.elements.a.value = chosen("a", offered[0]);
  form.elements.b.value = chosen("b", offered.find((name) => name !== form.elements.a.value));
  document.getElementById("swap").addEventListener("click", () => {
    [form.elements.a.value, form.elements.b.value] = [form.elements.b.value, form.elements.a.value];
    show();
  });
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  show();
})();
