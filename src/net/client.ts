/**
 * The socket to the program that has started brun by the TypeScript API. The program gets events, and is asked
 * for names that are not in the list. Each message is a line of JSON:
 *
 *   {"time":…,"event":…}              to the program, as in the log
 *   {"ask":NUMBER,"name":…,"port":…}  to the program; a DNS question has no port
 *   {"answer":NUMBER,"allow":[…]}     from the program: entries to be added; without any the name is refused
 */
import { E } from "../sys/errno.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { O } from "../sys/fs.ts";
import { POLLOUT, waitFd } from "../sys/poll.ts";
import { fromUtf8, joined, utf8 } from "../sys/utf8.ts";
import { EPOLL, type Loop } from "./loop.ts";
import { NOT_LISTED } from "./rules.ts";
import { receive, send } from "./socket.ts";

/** The options of a relay for such a program. */
export interface NetClientOptions {
  readonly fd: number;
  /** Whether the program is asked for names. */
  readonly asks: boolean;
}

/** How long a question may wait for its answer. */
const ASK_MS = 30_000;

/** The maximum of bytes that the program has not read. Further events are dropped and counted. */
const MOST_BYTES = 1 << 20;
/** The maximum size of an answer in bytes. */
const MOST_ANSWER = 1 << 20;
/** Limits of open questions, and of all questions: the sandboxed program can make up any number of names. */
const MOST_OPEN = 64;
const MOST_ASKED = 4096;
/** The maximum of callers that wait for one answer. */
const MOST_WAITING = 256;
/** How long the last lines may take to be sent. */
const LAST_MS = 1000;
const F_SETFL = 4;

/** Called at the answer. `why` is the reason if the list still does not contain the name. */
type Answered = (why: string) => void;

interface Question {
  readonly key: string;
  readonly waiting: Answered[];
  timer: object | null;
}

/** The relay's end of the socket. */
export class NetClient {
  private queue: Uint8Array[] = [];
  private size = 0;
  private lost = 0;
  private heard: Uint8Array = new Uint8Array(0);
  private gone = false;
  private asked = 0;
  /** Questions by number, until they are answered. A late answer changes the list, too. */
  private readonly questions = new Map<number, Question>();
  private readonly open = new Map<string, Question>();
  private readonly refused = new Set<string>();

  /** @param allow adds entries to the list, and logs an error as an event */
  constructor(
    private readonly loop: Loop,
    private readonly options: NetClientOptions,
    private readonly allow: (entries: readonly string[], name: string) => void,
  ) {
    syscall(NR.fcntl, options.fd, F_SETFL, O.NONBLOCK);
    loop.add(options.fd, EPOLL.IN | EPOLL.OUT | EPOLL.RDHUP | EPOLL.ET, () => {
      this.flush();
      this.read();
    });
  }

  /** Sends an event. */
  tell(message: object): void {
    if (this.gone) return;
    const json = JSON.stringify(message);
    const line = utf8(`${json}\n`);
    if (this.size + line.length > MOST_BYTES) {
      this.lost += 1;
      return;
    }
    this.queue.push(line);
    this.size += line.length;
    this.flush();
  }

  /**
   * Asks for a name that is not in the list. Callers that ask for the same name meanwhile get the same
   * answer. A refused name is not asked for again.
   * @param port null for a DNS question
   */
  ask(name: string, port: number | null, done: Answered): void {
    const key = port === null ? name : `${name}:${port}`;
    if (this.gone || !this.options.asks || this.refused.has(key) || !isAskable(name)) {
      done(NOT_LISTED);
      return;
    }
    const same = this.open.get(key);
    if (same !== undefined && same.waiting.length < MOST_WAITING) {
      same.waiting.push(done);
      return;
    }
    if (same !== undefined || this.open.size >= MOST_OPEN || this.asked >= MOST_ASKED) {
      done(`${NOT_LISTED}, and too many names have been asked for`);
      return;
    }
    this.asked += 1;
    const question: Question = { key, waiting: [done], timer: null };
    question.timer = this.loop.after(ASK_MS, () =>
      this.settle(question, `${NOT_LISTED}, and there was no answer in ${ASK_MS / 1000} s`),
    );
    this.questions.set(this.asked, question);
    this.open.set(key, question);
    this.tell({ ask: this.asked, name, ...(port !== null && { port }) });
  }

  /** Sends the remaining lines, for at most {@link LAST_MS}. */
  end(): void {
    const until = performance.now() + LAST_MS;
    for (;;) {
      this.flush();
      const left = until - performance.now();
      if (this.gone || this.queue.length === 0 || left <= 0) return;
      waitFd(this.options.fd, POLLOUT, left);
    }
  }

  private settle(question: Question, why: string): void {
    this.loop.cancel(question.timer);
    question.timer = null;
    if (this.open.get(question.key) === question) this.open.delete(question.key);
    for (const done of question.waiting.splice(0)) done(why);
  }

  private answered(line: string): void {
    const { answer, allow } = JSON.parse(line) as { answer: number; allow: readonly string[] };
    const question = this.questions.get(answer);
    if (question === undefined) return;
    this.questions.delete(answer);
    if (allow.length > 0) this.allow(allow, question.key);
    else this.refused.add(question.key);
    this.settle(question, NOT_LISTED);
  }

  private read(): void {
    for (const chunk = new Uint8Array(4096); !this.gone; ) {
      const n = receive(this.options.fd, chunk);
      if (n === -E.EAGAIN) break;
      if (n <= 0 || this.heard.length > MOST_ANSWER) {
        this.leave();
        return;
      }
      this.heard = joined([this.heard, chunk.slice(0, n)]);
    }
    for (let end = this.heard.indexOf(10); end >= 0; end = this.heard.indexOf(10)) {
      const line = fromUtf8(this.heard.subarray(0, end));
      this.heard = this.heard.slice(end + 1);
      this.answered(line);
    }
  }

  private flush(): void {
    while (this.queue.length > 0 && !this.gone) {
      const [first] = this.queue as [Uint8Array];
      const n = send(this.options.fd, first);
      if (n === -E.EAGAIN) return;
      if (n < 0) {
        this.leave();
        return;
      }
      this.size -= n;
      if (n < first.length) this.queue[0] = first.subarray(n);
      else this.queue.shift();
      if (this.lost > 0 && this.queue.length === 0) {
        const { lost } = this;
        this.lost = 0;
        this.tell({ time: new Date().toISOString(), event: "lost", verdict: "failed", count: lost });
      }
    }
  }

  /** The program has gone: answers all questions with a refusal. */
  private leave(): void {
    if (this.gone) return;
    this.gone = true;
    this.queue = [];
    this.loop.close(this.options.fd);
    for (const question of [...this.open.values()]) this.settle(question, NOT_LISTED);
  }
}

/**
 * Whether a name can be the name of a host. Resolvers also ask for reversed addresses, services, and texts
 * that are addresses.
 */
function isAskable(name: string): boolean {
  return /^(?!_)[a-z0-9-]+(\.(?!_)[a-z0-9_-]+)*$/.test(name) && !/(^|\.)arpa$|^[\d.]+$/.test(name);
}
