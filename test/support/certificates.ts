/** A certificate authority for tests, made with openssl. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { host } from "./caller.ts";

/** PEM texts. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** An authority with its files in a directory. */
export class Authority {
  /** The path of its certificate (PEM). */
  readonly file: string;

  constructor(private readonly dir: string) {
    mkdirSync(dir, { recursive: true });
    this.file = `${dir}/ca.crt`;
    const subject = ["-subj", "/CN=authority of the tests", "-days", "30"];
    host("openssl", "req", "-x509", ...KEY, "-keyout", `${dir}/ca.key`, "-out", this.file, ...subject);
  }

  /**
   * Makes a server's certificate.
   * @param names such as "DNS:registry.test", "IP:127.0.0.1"
   * @param days of validity; 0 waits a second until the certificate has expired
   */
  certificate(names: readonly string[], days = 30): Certificate {
    const at = (name: string) => `${this.dir}/${name}`;
    const subject = ["-subj", "/CN=registry of the tests"];
    host("openssl", "req", ...KEY, "-keyout", at("key"), "-out", at("request"), ...subject);
    writeFileSync(at("names"), `subjectAltName=${names.join(",")}`);
    const by = ["-CA", this.file, "-CAkey", at("ca.key"), "-CAcreateserial", "-extfile", at("names")];
    host("openssl", "x509", "-req", "-in", at("request"), ...by, "-days", `${days}`, "-out", at("cert"));
    const ends = 'while openssl x509 -checkend 0 -noout -in "$1" >/dev/null; do sleep 0.1; done';
    if (days === 0) host("sh", "-c", ends, "sh", at("cert"));
    return { key: readFileSync(at("key"), "utf8"), cert: readFileSync(at("cert"), "utf8") };
  }
}

/** Makes a self-signed certificate. */
export function selfSigned(dir: string, name: string): Certificate {
  const files = ["-keyout", `${dir}/self.key`, "-out", `${dir}/self.crt`];
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  host("openssl", "req", "-x509", ...KEY, ...files, ...subject, "-days", "30");
  return { key: readFileSync(`${dir}/self.key`, "utf8"), cert: readFileSync(`${dir}/self.crt`, "utf8") };
}
