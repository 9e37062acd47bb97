// What the browser tests start, and end: the simulated vendor, callcache, a browser; and how they count.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const home = join(root, "build/browser"); // playwright-core is installed there, and screenshots go there
const { chromium } = createRequire(join(home, "/"))("playwright-core");
mkdirSync(home, { recursive: true });

// Until it is true, for at most ten seconds.
export async function until(what, is) {
  for (const end = Date.now() + 10000; ; await new Promise((next) => setTimeout(next, 50))) {
    const value = await is();
    if (value) return value;
    if (Date.now() > end) throw new Error(`never came true: ${what}`);
  }
}
export function check(holds, claim) {
  if (!holds) throw new Error(claim);
}
export function equal(found, expected, of) {
  check(found === expected, `${of}: found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);
}

const running = new Set();
class Program {
  constructor(path, args) {
    this.said = "";
    this.child = spawn(path, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.ended = new Promise((done) => this.child.once("close", done));
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on("data", (text) => (this.said += text));
    running.add(this);
  }
  async says(pattern) {
    return (await until(`${this.child.spawnfile} says ${pattern}:\n${this.said}`, () => pattern.exec(this.said)))[1];
  }
  async stop() {
    this.child.kill("SIGTERM");
    const late = setTimeout(() => this.child.kill("SIGKILL"), 10000);
    await this.ended;
    clearTimeout(late);
    running.delete(this);
  }
}

// callcache in front of a simulated vendor, on ports that the system chooses.
export class World {
  static async start(build, { vendor = [], proxy = [] } = {}) {
    const w = new World();
    w.build = build;
    w.folder = mkdtempSync(join(tmpdir(), "callcache-browser-"));
    w.vendor = new Program(join(build, "tests/gong-sim"), [
      "--port",
      "0",
      "--sample",
      "80",
      "--latency",
      "20",
      ...vendor,
    ]);
    w.upstream = await w.vendor.says(/listens on (http:\S+)/);
    w.ids = (await w.vendor.says(/calls: (.*)\n/)).split(" ");
    w.further = proxy;
    await w.serve("127.0.0.1:0");
    return w;
  }
  async serve(admin) {
    this.proxy = new Program(join(this.build, "callcache"), [
      "serve",
      "--listen",
      "127.0.0.1:0",
      "--admin",
      admin,
      "--upstream",
      this.upstream,
      "--db",
      join(this.folder, "callcache.db"),
      "--set",
      "log.format=json",
      ...this.further,
    ]);
    await this.proxy.says(/(known_credentials)/);
    this.tools = await this.proxy.says(/"tools":"(127\.0\.0\.1:\d+)/);
    this.admin = await this.proxy.says(/"admin":"(127\.0\.0\.1:\d+)/);
    this.origin = `http://${this.admin}`;
  }
  // A tool's request, written as it is; the answer's status.
  ask(path, { agent = "browser-test/1", key = "sim-key" } = {}) {
    const [host, port] = this.tools.split(":");
    return new Promise((done, failed) => {
      let answer = "";
      const socket = net.connect(Number(port), host, () =>
        socket.write(
          `GET ${path} HTTP/1.1\r\nHost: ${this.tools}\r\n` +
            `Authorization: Basic ${Buffer.from(`${key}:sim-secret`).toString("base64")}\r\nUser-Agent: ${agent}\r\nConnection: close\r\n\r\n`,
        ),
      );
      socket.setTimeout(40000, () => socket.destroy(new Error("no answer")));
      socket
        .on("data", (text) => (answer += text))
        .on("error", failed)
        .on("close", () => done(Number(answer.slice(9, 12))));
    });
  }
  lookup(id, options) {
    return this.ask(`/${options?.tool ? `@${options.tool}/` : ""}v2/calls/${id}`, options);
  }
  async stats() {
    return (await fetch(`${this.origin}/stats`)).json();
  }
  async end() {
    await this.proxy.stop();
    await this.vendor.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

// A page of somebody else, at an origin of its own.
export async function elsewhere(html) {
  const server = http.createServer((_, answer) => answer.writeHead(200, { "Content-Type": "text/html" }).end(html));
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  running.add({
    stop: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(done);
      }),
  });
  return `http://127.0.0.1:${server.address().port}/`;
}

let browser;
// A page that remembers what it asked for and whatever was wrong with it. `stats`: what /stats answers it, in place of
// callcache; `ownClock`: its time passes when the test says so (page.clock).
export async function open(url, { stats, ownClock, ...options } = {}) {
  browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" });
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10000);
  page.asked = [];
  page.wrong = [];
  page.on("request", (request) => page.asked.push(request.url()));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && page.wrong.push(message.text()));
  page.on("pageerror", (error) => page.wrong.push(String(error)));
  page.on("dialog", (dialog) => {
    page.wrong.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
  });
  if (ownClock) await page.clock.install();
  if (stats) await page.route("**/stats", (route) => route.fulfill({ json: stats }));
  page.text = (selector) => page.locator(selector).innerText();
  page.shoot = (name, options) =>
    page.screenshot({ path: join(home, `${name}.png`), fullPage: true, animations: "disabled", ...options });
  // Nothing was wrong, and nobody else was asked.
  page.isClean = async () => {
    const violations = await page.evaluate(() => window.violations);
    check(
      page.wrong.length + violations.length === 0,
      `something was wrong: ${[...page.wrong, ...violations].join("; ")}`,
    );
    const foreign = page.asked.filter(
      (asked) => new URL(asked).origin !== new URL(url).origin && !asked.startsWith("data:"),
    );
    check(foreign.length === 0, `somebody else was asked: ${foreign.join(", ")}`);
  };
  await page.goto(url);
  return page;
}

const claims = [];
export const test = (claim, run) => claims.push([claim, run]);

// Runs the tests in turn, each for at most a minute, and says "N passed, M failed" in the end.
export async function run(only) {
  let passed = 0,
    failed = 0;
  const cleanUp = async () => {
    await browser?.close();
    for (const program of [...running]) await program.stop();
  };
  process.once("SIGTERM", () => cleanUp().then(() => process.exit(1)));
  for (const [claim, body] of claims.filter(([claim]) => claim.includes(only ?? ""))) {
    let late;
    const tooLong = new Promise(
      (_, fail) => (late = setTimeout(() => fail(new Error("took more than a minute")), 60000)),
    );
    try {
      await Promise.race([body(), tooLong]);
      ++passed;
      console.log(`  ok      ${claim}`);
    } catch (error) {
      ++failed;
      console.log(`  FAILED  ${claim}\n          ${String(error.stack ?? error).replaceAll("\n", "\n          ")}`);
    }
    clearTimeout(late);
  }
  await cleanUp();
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}
