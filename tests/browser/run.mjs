// The status page in a real browser, in front of the real program: `node tests/browser/run.mjs BUILD [PART_OF_A_CLAIM]`.
// Screenshots are written into build/browser.
import { resolve } from "node:path";
import { check, elsewhere, equal, open, run, test, until, World } from "./support.mjs";
import { full_hour, spent_day } from "./figures.mjs";

const build = resolve(process.argv[2] ?? "build/release");
const count = (n) => new Intl.NumberFormat("en").format(n);
const markup = "<script>alert(1)</script><img src=x onerror=alert(2)>";
const markupName = "<script>alert < src=x onerror=alert >"; // as a User-Agent's products: without versions and comments
const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 };

async function inWorld(options, body) {
  const world = await World.start(build, options);
  try {
    await body(world);
  } finally {
    await world.end();
  }
}
// A day's work of several tools, whatever they call themselves.
async function work(world) {
  const calls = world.ids.slice(0, 60);
  await Promise.all(calls.map((id) => world.lookup(id, { tool: "etl" })));
  for (const id of calls.slice(0, 20)) await world.lookup(id, { tool: "agent" });
  await world.lookup(calls[0], { agent: markup });
  await world.lookup(calls[0], { agent: "right-\u202eto-left\u202c" });
  await world.lookup(calls[0], { agent: "\x1b[31mred\x1b[0m" });
  await world.lookup("undefined", { tool: "agent" });
  await world.ask("/v2/users", { tool: "agent" });
  return calls;
}
// The figures that the page last got, once they are shown.
async function shown(page) {
  const stats = await (await page.waitForResponse("**/stats")).json();
  await until("the figures are shown", async () => (await page.text("#left")) === count(stats.budget.left));
  return stats;
}
const rows = (page, selector) =>
  page
    .locator(`${selector} tr`)
    .evaluateAll((all) =>
      all.map((row) => [...row.cells].map((cell) => (cell.querySelector(".name") ?? cell.firstChild).textContent)),
    );

test("empty: nobody has asked, and the page says so", () =>
  inWorld({}, async (world) => {
    for (const [name, options] of [
      ["empty", {}],
      ["empty-dark-phone", { colorScheme: "dark", ...phone }],
    ]) {
      const page = await open(world.origin, options);
      await page.locator("#main").waitFor();
      equal(await page.text("#state"), "All is well", "the state");
      equal(await page.text("#left"), "10,000", "what is left");
      equal(await page.text("#forecast"), "lasts all day", "the forecast");
      check(await page.locator("#no-tools").isVisible(), "it says that no tool has asked");
      check(!(await page.locator("#hour").isVisible()), "there is no chart of nothing");
      check(!(await page.locator("#pause").isVisible()), "there is nothing to resume");
      await page.shoot(name);
      await page.isClean();
      await page.context().close();
    }
  }));

test("figures: what the page shows is what /stats says", () =>
  inWorld({}, async (world) => {
    await work(world);
    const page = await open(world.origin);
    const stats = await shown(page);
    const { budget, upstream, requests, cache, bulk } = stats;
    const sum = (outcomes, ...words) => words.reduce((n, word) => n + (outcomes[word] ?? 0), 0);
    equal(await page.text("#spent"), `${count(budget.spent)} spent`, "what was spent");
    check(budget.spent > 0 && budget.spent < 60, `bulk reads helped: ${budget.spent}`);
    equal(Number(await page.getAttribute("#gauge", "aria-valuenow")), budget.spent, "the gauge");
    equal(await page.text("#version"), stats.version, "the version");
    equal(await page.text("#headline"), stats.headline, "the headline");
    equal(await page.text("#url"), world.upstream, "the upstream");
    equal(await page.text("#saved"), `${count(bulk.api_calls_saved)} saved`, "what bulk reads saved");
    const all = (outcomes) => sum(outcomes, ...Object.keys(outcomes));
    const kept = sum(requests.last_hour, "hit", "stale", "negative", "offline"),
      lookups = all(requests.last_hour) - sum(requests.last_hour, "pass");
    check(kept >= 20 && lookups > kept, "there were hits and misses");
    equal(await page.text("#ratio"), `${Math.round((1000 * kept) / lookups) / 10} %`, "the hit ratio");
    for (const [word, n] of Object.entries(requests.last_hour))
      check((await page.text("#legend")).includes(`${word} ${count(n)}`), `the legend counts ${word}: ${n}`);
    check((await page.locator("#chart rect:not(.grasp)").count()) > 0, "there are bars");
    const tools = Object.fromEntries((await rows(page, "#tools tbody")).map(([name, ...figures]) => [name, figures]));
    for (const [name, outcomes] of Object.entries(requests.by_tool).filter(
      ([name]) => name === "etl" || name === "agent",
    )) {
      equal(tools[name][0], count(all(outcomes)), `requests of ${name}`);
      equal(tools[name][2], count(budget.spent_by_tool[name] ?? 0), `API calls of ${name}`);
    }
    for (const [kind, requests, median] of await rows(page, "#kinds tbody")) {
      equal(requests, count(upstream.by_kind[kind].requests), `requests of ${kind}`);
      check(/^[\d.]+\sm?s$/.test(median), `the median of ${kind}: ${median}`);
    }
    for (const [status, n] of Object.entries(upstream.by_status))
      check((await page.text("#statuses")).includes(`${status} × ${count(n)}`), `answers ${status}`);
    check((await page.text("#tiers")).includes(`${count(cache.entries.memory)} in memory`), "entries in memory");
    check((await page.text("#tiers")).includes(`${count(cache.entries.disk)} on disk`), "entries on disk");
    await page.shoot("work");
    await page.isClean();
  }));

test("hostile names: they are text, and do nothing", () =>
  inWorld({}, async (world) => {
    await work(world);
    const page = await open(world.origin);
    await shown(page);
    const names = (await rows(page, "#tools tbody")).map(([name]) => name);
    check(
      names.some((name) => name.startsWith(markupName)),
      `the name stands there as it is: ${names}`,
    );
    equal(await page.locator("#main script, #main img").count(), 0, "elements that a name made");
    for (const name of names)
      check(
        !/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(name),
        `nothing turns or hides text: ${JSON.stringify(name)}`,
      );
    // A callcache that does not make names harmless would not make the page harmful.
    const raw = {
      ...full_hour(),
      headline: `${markup}\u202e`,
      hints: [markup],
      recent_errors: [{ timestamp: 1, text: `${markup}\u001b[31m`, count: 2 }],
    };
    raw.budget.spent_by_tool = { [markup]: 3, "\u202eesrever": 2, ["__proto__"]: 1 };
    const worse = await open(world.origin, { stats: raw });
    await until("it is shown", async () => (await worse.text("#hints")) === markup);
    check((await worse.text("#headline")) === `${markup}\\u{202e}`, "a mark is shown for what it is");
    equal(await worse.locator("#main script, #main img").count(), 0, "elements that a name made");
    await worse.isClean();
    await page.isClean();
  }));

test("policy: markup, script, style and addresses of anybody else are refused by the browser", () =>
  inWorld({}, async (world) => {
    const page = await open(world.origin);
    await page.locator("#main").waitFor();
    const policy = (await fetch(world.origin)).headers.get("content-security-policy");
    check(policy.includes("default-src 'none'") && !policy.includes("unsafe"), `the policy is strict: ${policy}`);
    const tried = await page.evaluate(
      async (other) => {
        const refuses = async (act) => {
          try {
            await act();
            return false;
          } catch {
            return true;
          }
        };
        const markup = await refuses(() => {
          document.body.innerHTML = "<b>markup</b>";
        });
        const address = await refuses(() => fetch(other, { mode: "no-cors" }));
        const script = await refuses(() => {
          const s = document.createElement("script");
          s.textContent = "window.ran = true";
          document.body.append(s);
        });
        const style = document.createElement("p");
        style.setAttribute("style", "position: fixed");
        document.body.append(style);
        return { markup, address, script, ran: window.ran, position: getComputedStyle(style).position };
      },
      await elsewhere("elsewhere"),
    );
    equal(
      JSON.stringify(tried),
      JSON.stringify({ markup: true, address: true, script: true, position: "static" }),
      "what the browser refuses",
    );
  }));

test("other pages: one of another origin can neither purge nor resume, read nor frame it", () =>
  inWorld({}, async (world) => {
    const [id] = world.ids;
    await world.lookup(id, { tool: "etl" });
    const attack = await elsewhere(
      `<body><form method="post" enctype="text/plain" action="${world.origin}/purge" target="hidden"><input name='{"all":true,"x":"' value='"}'></form><iframe name="hidden"></iframe><iframe id="framed" src="${world.origin}/"></iframe>`,
    );
    const page = await open(attack);
    const statuses = [];
    page.on(
      "response",
      (response) =>
        response.url().startsWith(world.origin) &&
        statuses.push(`${response.request().method()} ${new URL(response.url()).pathname} ${response.status()}`),
    );
    const read = await page.evaluate(async (origin) => {
      const plain = {
        method: "POST",
        mode: "no-cors",
        body: '{"all":true}',
        headers: { "Content-Type": "text/plain" },
      };
      const read = [];
      for (const ask of [
        () => fetch(`${origin}/purge`, plain),
        () => fetch(`${origin}/resume`, plain),
        () =>
          fetch(`${origin}/purge`, {
            method: "POST",
            body: '{"all":true}',
            headers: { "Content-Type": "application/json" },
          }),
        () => fetch(`${origin}/stats`),
        () => fetch(`${origin}/stats`, { mode: "no-cors" }),
      ])
        read.push(
          await ask().then(
            (answer) => answer.text(),
            () => "",
          ),
        );
      document.forms[0].submit();
      return read;
    }, world.origin);
    equal(read.join(""), "", "what the other page could read");
    await until("the form was answered", () => statuses.filter((s) => s === "POST /purge 403").length >= 2);
    check(
      statuses.every((s) => s.endsWith("403")),
      `all were refused: ${statuses}`,
    );
    await page.reload();
    check(page.frames().length > 1, "there are frames");
    for (const frame of page.frames()) equal(await frame.locator("#main").count(), 0, "status pages in a frame");
    const before = (await world.stats()).budget.spent;
    await world.lookup(id, { tool: "etl" });
    equal(
      (await world.stats()).budget.spent,
      before,
      "the call is still kept: what is spent after asking for it again",
    );
  }));

test("explain: the box says why, from the keyboard, and what is no id is told", () =>
  inWorld({}, async (world) => {
    const [id, other] = world.ids;
    await world.lookup(id, { tool: "etl" });
    const page = await open(world.origin);
    await page.locator("#main").waitFor();
    await page.getByLabel("A call’s id").focus();
    await page.keyboard.type(` ${id} `);
    await page.keyboard.press("Enter");
    await until("it is explained", async () => / hit/.test(await page.text("#explained h3")));
    const explanation = await (await fetch(`${world.origin}/explain/${id}`)).json();
    equal((await page.text("#explained h3")).toLowerCase(), explanation.summary.toLowerCase(), "the summary");
    equal((await rows(page, "#explained tbody"))[0][0], explanation.kept[0].credential, "whose it is");
    await page.shoot("explained");
    await page.isClean();
    await page.getByLabel("A call’s id").fill(other);
    await page.keyboard.press("Enter");
    await until("a miss is explained", async () => / miss/.test(await page.text("#explained h3")));
    check(!(await page.getByRole("button", { name: "Purge this call" }).isVisible()), "nothing to purge");
    await page.isClean();
    await page.getByLabel("A call’s id").fill("<b>no id</b>");
    await page.keyboard.press("Enter");
    await page.locator("#explained .failed").waitFor();
    check(/callcache answered|id/.test(await page.text("#explained .failed")), "what is wrong is told");
    equal(await page.locator("#explained b").count(), 0, "elements that an id made");
  }));

test("purge: it asks first; Cancel and Escape leave all as it was, and only then it purges", () =>
  inWorld({}, async (world) => {
    const [first, second] = world.ids;
    for (const id of [first, second]) await world.lookup(id, { tool: "etl" });
    const page = await open(world.origin);
    await page.locator("#main").waitFor();
    const posts = () => page.asked.filter((url) => url.endsWith("/purge")).length;
    const spends = async (id) => {
      const before = (await world.stats()).budget.spent;
      await world.lookup(id, { tool: "etl" });
      return (await world.stats()).budget.spent - before;
    };
    for (const leave of [
      () => page.getByRole("button", { name: "Cancel" }).click(),
      () => page.keyboard.press("Escape"),
      () => page.keyboard.press("Enter"),
    ]) {
      await page.getByRole("button", { name: "Purge everything" }).click();
      await page.getByRole("dialog").waitFor();
      await leave();
      await page.getByRole("dialog").waitFor({ state: "hidden" });
    }
    equal(posts(), 0, "purges that nobody confirmed");
    await page.getByLabel("A call’s id").fill(first);
    await page.getByRole("button", { name: "Explain" }).click();
    await page.getByRole("button", { name: "Purge this call" }).click();
    await page.shoot("purge", { fullPage: false });
    await page.getByRole("dialog").getByRole("button", { name: "Purge" }).click();
    await until("it is told", async () => (await page.text("#done p")).includes(`${first} is purged`));
    equal(await spends(second), 0, "API calls for the one that was not purged");
    equal(await spends(first), 1, "API calls for the one that was");
    await page.getByRole("button", { name: "Purge everything" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Purge everything" }).click();
    await until("it is told", async () => (await page.text("#done p")).includes("Everything is purged"));
    equal(posts(), 2, "purges that were confirmed");
    equal((await spends(first)) + (await spends(second)), 2, "API calls after everything was purged");
    await page.getByRole("button", { name: "Dismiss" }).click();
    check(!(await page.locator("#done").isVisible()), "what was told can be put away");
    await page.isClean();
  }));

test("the day spent: said in words, and forecast before", () =>
  inWorld({ proxy: ["--set", "budget.daily=6", "--set", "bulk.mode=off"] }, async (world) => {
    const page = await open(world.origin, { colorScheme: "dark" });
    for (const id of world.ids.slice(0, 10)) await world.lookup(id, { tool: "etl" });
    await until("it says so", async () => (await page.text("#state")).startsWith("The day’s budget is spent"));
    equal(await page.text("#left"), "0", "what is left");
    equal(await page.text("#forecast"), "nothing left", "the forecast");
    check((await page.text("#legend")).includes("limited 4"), "who was refused is counted");
    check(!(await page.locator("#bulk").isVisible()), "bulk reads are off, and not spoken of");
    await page.shoot("spent-dark");
    await page.isClean();
  }));

test("a pause of Gong's: shown, and ended when that is confirmed", () =>
  inWorld(
    { vendor: ["--per-day", "2"], proxy: ["--set", "bulk.mode=off", "--set", "budget.linger=0s"] },
    async (world) => {
      const page = await open(world.origin, phone);
      for (const id of world.ids.slice(0, 2)) await world.lookup(id, { tool: "etl" });
      await world.ask(`/v2/calls/${world.ids[2]}`, { tool: "etl" });
      const { budget } = await until("a pause", async () => {
        const s = await world.stats();
        return s.budget.paused_until_timestamp && s;
      });
      check(budget.paused_until_timestamp > Date.now() / 1000 + 3600, "it is a long one");
      await page.locator("#pause").waitFor();
      equal(await page.text("#state"), "Gong asked everyone to wait", "the state");
      await page.shoot("paused-phone");
      await page.getByRole("button", { name: "Resume now" }).click();
      await page.getByRole("dialog").waitFor();
      check((await world.stats()).budget.paused_until_timestamp, "it asks first");
      await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
      await page.locator("#pause").waitFor({ state: "hidden" });
      equal((await world.stats()).budget.paused_until_timestamp, null, "the pause");
      await page.isClean();
    },
  ));

test("silence: when callcache goes the page says so, asks less and less, and goes on when it is back", () =>
  inWorld({}, async (world) => {
    await world.lookup(world.ids[0], { tool: "etl" });
    const page = await open(world.origin, { ownClock: true });
    await until("the figures are there", async () => (await page.text("#left")) === "9,999");
    await world.proxy.stop();
    let delay = 2;
    for (const next of [4, 8, 16, 30, 30]) {
      await page.clock.runFor(1000 * delay);
      const said = new RegExp(
        `^callcache does not answer\\. These figures are of \\d\\d:\\d\\d:\\d\\d\\. Asking again in ${next} s\\.$`,
      );
      await until(
        `it says that it asks again in ${next} s`,
        async () => (await page.locator("#silence").isVisible()) && said.test(await page.text("#silence p")),
      );
      delay = next;
    }
    await page.shoot("silence");
    await world.serve(world.admin);
    await page.getByRole("button", { name: "Try now" }).click();
    await page.locator("#silence").waitFor({ state: "hidden" });
    equal(await page.text("#live"), "live", "the state of the page");
  }));

test("hidden: a page that nobody looks at does not ask", () =>
  inWorld({}, async (world) => {
    const page = await open(world.origin, { ownClock: true });
    await page.locator("#main").waitFor();
    const look = (hidden) =>
      page.evaluate((hidden) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
    await look(true);
    const before = page.asked.length;
    await page.clock.runFor(60000);
    equal(page.asked.length, before, "requests of a hidden page");
    await look(false);
    await until("it asks again", () => page.asked.length > before);
  }));

test("an hour with everything: sixty minutes, each in its place, in both themes and on a phone", () =>
  inWorld({}, async (world) => {
    const stats = full_hour();
    for (const [name, options] of [
      ["hour", {}],
      ["hour-dark", { colorScheme: "dark" }],
      ["hour-phone", phone],
      ["hour-phone-dark", { colorScheme: "dark", ...phone }],
    ]) {
      const page = await open(world.origin, { stats, ...options });
      await page.locator("#tools tbody").waitFor();
      const minutes = await page.locator("#chart g").evaluateAll((all) =>
        all.map((g) => ({
          x: Number(g.querySelector("rect").getAttribute("x")),
          top: Math.min(...[...g.querySelectorAll("rect:not(.grasp)")].map((r) => Number(r.getAttribute("y")))),
        })),
      );
      equal(minutes.length, stats.requests.last_hour_by_minute.length, "minutes");
      equal(minutes.at(-1).x, 590, "where the last minute stands");
      check(Math.abs(Math.min(...minutes.map((m) => m.top)) - 2) < 0.01, "the highest one fills the chart");
      equal(
        await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
        0,
        "what sticks out at the side",
      );
      await page.shoot(name);
      await page.isClean();
      await page.context().close();
    }
  }));

test("readable: every text has a contrast of 4.5, and every control a name, in both themes", () =>
  inWorld({}, async (world) => {
    for (const stats of [full_hour(), spent_day()])
      for (const colorScheme of ["light", "dark"]) {
        const page = await open(world.origin, { stats, colorScheme });
        await page.locator("#tools tbody").waitFor();
        const faint = await page.evaluate(() => {
          const rgb = (text) => text.match(/[\d.]+/g).map(Number);
          const light = (c) =>
            c
              .slice(0, 3)
              .map((v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
              .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const ground = (e) => {
            const c = rgb(getComputedStyle(e).backgroundColor);
            return c.length === 3 || c[3] > 0 || !e.parentElement ? c : ground(e.parentElement);
          };
          const found = [],
            walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          for (let node; (node = walker.nextNode());) {
            const e = node.parentElement;
            if (!node.data.trim() || !e.checkVisibility() || e.closest("svg, script")) continue;
            const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))],
              contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            if (contrast < 4.5) found.push(`${node.data.trim().slice(0, 30)}: ${contrast.toFixed(2)}`);
          }
          return found;
        });
        equal(faint.join("; "), "", `too faint (${colorScheme})`);
        for (const control of await page.locator("button:visible, input:visible, a:visible").all())
          check(
            (await control.ariaSnapshot()).match(/"[^"]+"/),
            `a control has a name: ${await control.evaluate((e) => e.outerHTML)}`,
          );
        await page.shoot(`${stats.budget.left ? "contrast" : "contrast-spent"}-${colorScheme}`);
        await page.context().close();
      }
  }));

await run(process.argv[3]);
