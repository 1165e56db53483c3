/** A proxy on loopback: CONNECT for TLS, otherwise absolute URLs. All names lead to one port. */
import { createServer, request, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

export class TestProxy implements Disposable {
  /** Such as "CONNECT registry.test:443", "GET http://registry.test/v2/". */
  readonly requests: string[] = [];
  /** The values of Proxy-Authorization. */
  readonly logins = new Set<string>();
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(port: number, login: string | undefined) {
    const wanted = login === undefined ? undefined : `Basic ${btoa(login)}`;
    const refused = (given: string | undefined): boolean => {
      if (given !== undefined) this.logins.add(given);
      return wanted !== undefined && given !== wanted;
    };
    this.server = createServer((incoming, answer) => {
      this.requests.push(`${incoming.method} ${incoming.url}`);
      if (refused(incoming.headers["proxy-authorization"])) return void answer.writeHead(407).end();
      const { pathname, search, host } = new URL(incoming.url!);
      const headers = { ...incoming.headers, host };
      const on = request({
        port,
        host: "127.0.0.1",
        path: pathname + search,
        method: incoming.method,
        headers,
      });
      on.on("response", (response) => {
        answer.writeHead(response.statusCode!, response.headers);
        response.pipe(answer);
      });
      on.on("error", () => answer.destroy());
      incoming.pipe(on);
    });
    this.server.on("connection", (socket) => this.sockets.add(socket));
    this.server.on("connect", (incoming, socket: Socket) => {
      this.requests.push(`CONNECT ${incoming.url}`);
      if (refused(incoming.headers["proxy-authorization"])) {
        return void socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      }
      const on = connect(port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        on.pipe(socket);
        socket.pipe(on);
      });
      on.on("error", () => socket.destroy());
      socket.on("error", () => on.destroy());
    });
  }

  /**
   * Starts a proxy.
   * @param port to which all names lead
   * @param login the required "user:password"
   */
  static async to(port: number, login?: string): Promise<TestProxy> {
    const proxy = new TestProxy(port, login);
    await new Promise<void>((resolve) => proxy.server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  [Symbol.dispose](): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}
