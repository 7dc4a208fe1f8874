// A service of the tests' own: free ports, a directory of its own, stopped by its process.

import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
const PROGRAM = process.env.TEST_PROGRAM ?? join(TARGET, "debug/jeton");
const READY_MS = 30_000;
const END_MS = 15_000;

/** Where screenshots are kept. */
export const SHOTS = join(TARGET, "browser");

/** Who may sign in, and with which password. */
export const USERS = {
  anna: { role: "office", password: "turnstile-at-noon" },
  milo: { role: "monitor", password: "only-looking-here" },
  root: { role: "admin", password: "keeper-of-the-keys" },
};

async function freePort() {
  const server = createServer();
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** A running service. */
export class Service {
  /** @returns {Promise<Service>} */
  static async start() {
    const service = new Service();
    service.dir = await mkdtemp(join(tmpdir(), "jeton-browser-"));
    service.data = join(service.dir, "data");
    const [quic, http] = [await freePort(), await freePort()];
    service.url = `http://127.0.0.1:${http}`;
    service.config = join(service.dir, "jeton.toml");
    await writeFile(
      service.config,
      `[quic]\nlisten = "127.0.0.1:${quic}"\n\n[http]\nlisten = "127.0.0.1:${http}"\n`,
    );
    await service.begin();
    for (const [name, { role, password }] of Object.entries(USERS)) {
      await service.ask("POST", "/v1/users", { name, role, password });
    }
    return service;
  }

  args(...rest) {
    return ["--data", this.data, "--config", this.config, ...rest];
  }

  async begin() {
    const log = [];
    const options = { cwd: this.dir, stdio: ["ignore", "pipe", "pipe"] };
    this.process = spawn(
      PROGRAM,
      this.args("serve", "--tenant", "park", "--log-level", "warn"),
      options,
    );
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.on("data", (text) => log.push(String(text)));
    }
    this.ended = new Promise((ended) => this.process.once("exit", ended));
    const until = Date.now() + READY_MS;
    for (;;) {
      const isReady = await fetch(`${this.url}/readyz`).then(
        (r) => r.ok,
        () => false,
      );
      if (isReady) break;
      if (Date.now() > until || this.process.exitCode !== null) {
        this.process.kill("SIGKILL");
        throw new Error(`the service does not come up:\n${log.join("")}`);
      }
      await new Promise((wait) => setTimeout(wait, 50));
    }
    this.token = (await readFile(join(this.data, "admin.token"), "utf8")).trim();
  }

  /** Ends the process and removes what it kept. */
  async stop() {
    this.process.kill("SIGTERM");
    const late = setTimeout(() => this.process.kill("SIGKILL"), END_MS);
    await this.ended;
    clearTimeout(late);
    await rm(this.dir, { recursive: true, force: true });
  }

  /** Asks over HTTP as an admin. */
  async ask(method, path, body, headers = {}) {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        "content-type": "application/json",
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text.startsWith("{") || text.startsWith("[") ? JSON.parse(text.split("\n")[0]) : text;
  }

  /** Defines a campaign. */
  campaign(document) {
    return this.ask("PUT", `/v1/campaigns/${document.id}`, document, { "if-none-match": "*" });
  }

  /** Adds own codes to a campaign. */
  codes(campaign, ...codes) {
    const add = (code) => this.ask("POST", "/v1/codes", { campaign, code });
    return Promise.all(codes.map(add));
  }

  /** Runs a command, which speaks QUIC where gates do. Gives its exit code and what it said. */
  async command(...words) {
    const run = promisify(execFile);
    try {
      const { stdout } = await run(PROGRAM, this.args(...words), { cwd: this.dir });
      return { code: 0, said: stdout };
    } catch (error) {
      return { code: error.code, said: `${error.stdout}${error.stderr}` };
    }
  }
}
