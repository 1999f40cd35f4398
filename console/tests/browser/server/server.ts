/** The built page, a sign-in and the API on one origin, with the policy that a deployment sends. */

import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { Api, type Call, type Reply } from "./api";
import { NOW } from "./bakery";
import { Ledger } from "./ledger";

const DIST = fileURLToPath(new URL("../../../dist", import.meta.url));
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** What CloudFront is to send. No inline script or style is allowed; WebAssembly is, for the importer. */
export const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface User {
  groups: string[];
  name: string;
}

type Intercept = (call: Call) => Reply | null | Promise<Reply | null>;

export class TestServer {
  readonly ledger = new Ledger("padaria-aurora");
  readonly api = new Api(this.ledger);
  /** Every call of the API, in order. */
  readonly calls: Call[] = [];
  user: User = { groups: ["clerk"], name: "Marina Reis" };
  tokenSeconds = 3600;
  /** As MiniStack does: tokens of a refresh have no groups. */
  refreshDropsGroups = false;
  refreshRefused = false;
  /** What the page is told of where executions are shown. */
  inspector: object | null = null;
  /** Nobody gets a token. */
  signInDown = false;
  /** Asked before the API, for what goes wrong; `null` lets the call through. */
  intercept: Intercept | null = null;

  #codes = new Map<string, { challenge: string; redirect: string }>();
  #tokens = new Set<string>();
  #refreshTokens = new Set<string>();
  #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<TestServer> {
    const server = new TestServer();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** All tokens given out so far count no more, as if their time was over. */
  expireTokens(): void {
    this.#tokens.clear();
  }

  posts(path: string): Call[] {
    return this.calls.filter((call) => call.method === "POST" && call.path === path);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = new URL(request.url ?? "/", this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString("utf8");
    const reply = address.pathname.startsWith("/api/")
      ? await this.#api(request, address, body)
      : address.pathname.startsWith("/auth/")
        ? this.#auth(address, new URLSearchParams(body))
        : await this.#file(address);
    if (reply.cut) {
      response.destroy();
      return;
    }
    const isText = typeof reply.body === "string" || Buffer.isBuffer(reply.body);
    response.writeHead(reply.status, {
      "Content-Type": "application/json",
      "Cache-Control": "no-store",
      ...reply.headers,
    });
    response.end(
      reply.body === undefined ? undefined : isText ? (reply.body as string | Buffer) : JSON.stringify(reply.body),
    );
  }

  async #api(request: IncomingMessage, address: URL, body: string): Promise<Reply> {
    const headers = request.headers as Record<string, string | undefined>;
    const token = headers["authorization"]?.replace("Bearer ", "") ?? "";
    if (!this.#tokens.has(token)) return { status: 401, body: { message: "Unauthorized" } };
    const call: Call = {
      method: request.method ?? "GET",
      path: address.pathname.slice(4),
      query: address.searchParams,
      headers,
      body: body ? (JSON.parse(body) as unknown) : undefined,
    };
    this.calls.push(call);
    return (await this.intercept?.(call)) ?? this.api.answer(call);
  }

  #auth(address: URL, form: URLSearchParams): Reply {
    const query = address.searchParams;
    if (this.signInDown) return { status: 503, body: { message: "Service Unavailable" } };
    if (address.pathname === "/auth/authorize") {
      const code = randomBytes(8).toString("hex");
      const redirect = query.get("redirect_uri") ?? "";
      this.#codes.set(code, { challenge: query.get("code_challenge") ?? "", redirect });
      return {
        status: 302,
        headers: { Location: `${redirect}?${new URLSearchParams({ code, state: query.get("state") ?? "" })}` },
      };
    }
    if (address.pathname === "/auth/logout")
      return { status: 302, headers: { Location: query.get("logout_uri") ?? "/" } };
    if (form.get("grant_type") === "authorization_code") {
      const started = this.#codes.get(form.get("code") ?? "");
      this.#codes.delete(form.get("code") ?? "");
      const challenge = createHash("sha256")
        .update(form.get("code_verifier") ?? "")
        .digest("base64url");
      if (started?.challenge !== challenge || started.redirect !== form.get("redirect_uri"))
        return { status: 400, body: { error: "invalid_grant" } };
      return this.#issue(this.user.groups);
    }
    if (this.refreshRefused || !this.#refreshTokens.has(form.get("refresh_token") ?? ""))
      return { status: 400, body: { error: "invalid_grant" } };
    return this.#issue(this.refreshDropsGroups ? [] : this.user.groups);
  }

  #issue(groups: string[]): Reply {
    const claims = {
      sub: "u1",
      name: this.user.name,
      "custom:merchant_id": this.ledger.merchant,
      ...(groups.length > 0 && { "cognito:groups": groups }),
      // Good by the tests' clock and by the real one.
      exp: Math.floor(Math.max(NOW.getTime(), Date.now()) / 1000) + this.tokenSeconds,
      jti: randomBytes(6).toString("hex"),
    };
    const token = `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;
    const refreshToken = randomBytes(8).toString("hex");
    this.#tokens.add(token);
    this.#refreshTokens.add(refreshToken);
    return {
      status: 200,
      body: { id_token: token, refresh_token: refreshToken, token_type: "Bearer", expires_in: this.tokenSeconds },
    };
  }

  async #file(address: URL): Promise<Reply> {
    if (address.pathname === "/config.json") return { status: 200, body: this.#config() };
    // As the distribution does: what has no extension is the page.
    const path = extname(address.pathname) ? address.pathname : "/index.html";
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    try {
      return {
        status: 200,
        headers: {
          "Content-Type": type,
          "Content-Encoding": "gzip",
          "Content-Security-Policy": POLICY,
          "X-Content-Type-Options": "nosniff",
        },
        body: gzipSync(await readFile(join(DIST, path))),
      };
    } catch {
      return { status: 404, body: { message: "Not Found" } };
    }
  }

  #config(): object {
    return {
      apiBase: "/api",
      timeZone: "America/Sao_Paulo",
      inspector: this.inspector,
      auth: {
        authorizeUrl: "/auth/authorize",
        tokenUrl: "/auth/token",
        logoutUrl: "/auth/logout",
        clientId: "test",
        redirectUri: `${this.url}/`,
        scopes: ["openid"],
      },
    };
  }
}
