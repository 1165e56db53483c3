/**
 * The purposes of operations, as data. Errors, hints, fall-backs and `brun explain` decide by the kind and fields
 * of a step. The texts here are only for people.
 */
import { quoted } from "../printable.ts";

interface Path {
  readonly path: string;
}
interface Move {
  readonly source: string;
  readonly target: string;
}
interface Value {
  readonly value: string;
}
interface File {
  readonly file: string;
}

/** The phrase of each kind after "cannot": "mount proc on /proc". */
const phrases = {
  /** For programs without descriptions, such as that of a guard. */
  none: "",

  // Mounts.
  mount: ({ fsType, target }: { readonly fsType: string; readonly target: string }) =>
    `mount ${fsType} on ${target}`,
  bind: ({ source, target }: Move) => `bind ${source} on ${target}`,
  bindDevice: ({ path }: Path) => `bind the device ${path}`,
  bindHostDevice: ({ path }: Path) => `bind the host's ${path}`,
  bindConsole: "bind the terminal on /dev/console",
  copy: ({ source, target }: Move) => `copy ${source} to ${target}`,
  link: ({ source, target }: Move) => `link ${target} to ${source}`,
  mapIds: ({ source }: { readonly source: string }) => `map the ids of ${source}`,
  readOnly: ({ path }: Path) => `make ${path} read-only`,
  mask: ({ path }: Path) => `mask ${path}`,
  openNull: "open the host's /dev/null",
  maskTmpfs: "make the tmpfs that all masked directories share",
  unmount: ({ path }: Path) => `unmount ${path}`,
  unmountScratch: "unmount the tmpfs that mounts were made in",

  // Devices.
  makeDevice: ({ path }: Path) => `make the device ${path}`,
  takeDevice: "take the device that has been made",
  devicesApart: "make devices apart from the host's",
  devLinks: "link /dev/fd and the like",

  // The root file system.
  propagation: ({ of }: { readonly of: string }) => `change the propagation of ${of}`,
  openRoot: ({ path }: Path) => `open the root file system ${path}`,
  enterRoot: "enter the root file system",
  rootReadOnly: "make the root read-only",
  changeToRoot: "change to the root file system",
  makeRoot: "make it the root",

  // Namespaces.
  openNamespace: ({ path }: Path) => `open the namespace ${path}`,
  joinNamespace: ({ path }: Path) => `join the namespace ${path}`,
  makeSockets: "make sockets in the network namespace",
  cloneInto: "clone into the new namespaces",
  tellNamespace: "tell the namespace of the container's processes",
  hide: "hide from the processes of joined namespaces",
  makeUserNamespace: "make a user namespace for the ids of the mount",
  makeIpcNamespace: "make an ipc namespace",
  makeNetwork: "make a network namespace",
  makeTimeNamespace: "make a time namespace",
  enterTimeNamespace: "enter the time namespace",
  openClocks: "open /proc/self/timens_offsets",
  setClocks: ({ value }: Value) => `set the clocks ${value}`,
  setHostname: ({ value }: Value) => `set the hostname to ${value}`,
  setDomainname: ({ value }: Value) => `set the domain name to ${value}`,
  loopback: "bring up the loopback interface",
  netDevices: "wait for the network devices",
  joinKeyring: "join a new session keyring",

  // Ids.
  awaitMaps: "wait for the id maps",
  denySetgroups: "deny setgroups",
  writeUidMap: "write /proc/self/uid_map",
  writeGidMap: "write /proc/self/gid_map",
  becomeRoot: "become root of the user namespace",
  dropGroups: "drop the caller's groups",

  // Cgroup.
  openCgroup: ({ path }: Path) => `open the cgroup ${path}`,
  enterCgroup: ({ path }: Path) => `enter the cgroup ${path}`,

  // `exec` into a container.
  hideFromContainer: "hide from the container's processes",
  openContainer: "open the container's process",
  openContainerRoot: "open the container's root",
  joinContainer: "join the container's namespaces",
  forkIntoContainer: "fork into the container's pid namespace",
  becomeContainerRoot: "become root of the container's user namespace",

  // Settings of the process.
  session: "start a session",
  openPty: "open a pseudoterminal in the container's /dev/pts",
  handPty: "hand the terminal to brun",
  takePty: "take the terminal",
  setLimit: ({ type, value }: { readonly type: string; readonly value: string }) => `set ${type} to ${value}`,
  raiseLimit: ({ type, value }: { readonly type: string; readonly value: string }) =>
    `raise ${type} to ${value}`,
  setOomScore: ({ value }: Value) => `set oom_score_adj to ${value}`,
  setUmask: "set the umask",
  clearUmask: "clear the umask",
  openProc: "open /proc",
  openSysctl: "open /proc/sys",
  setSysctl: ({ key, value }: { readonly key: string; readonly value: string }) => `set ${key} to ${value}`,
  setSelinuxLabel: ({ value }: Value) => `set the SELinux label ${value}`,
  setApparmorProfile: ({ value }: Value) => `set the AppArmor profile ${value}`,
  anyCpu: "run on any CPU",
  runOnCpus: ({ value }: Value) => `run on the CPUs ${value}`,
  setScheduler: ({ value }: Value) => `set the scheduling policy ${value}`,
  setIoPriority: ({ value }: Value) => `set the I/O priority ${value}`,
  setPersonality: ({ value }: Value) => `set the personality ${value}`,
  setMemoryPolicy: ({ value }: Value) => `set the memory policy ${value}`,

  // Identity.
  giveStdio: "give stdio to the user",
  setGroups: ({ value }: Value) => `set the supplementary groups to [${value}]`,
  setGid: ({ value }: Value) => `set the group id to ${value}`,
  setUid: ({ value }: Value) => `set the user id to ${value}`,
  dropBounding: "drop capabilities from the bounding set",
  setCapabilities: "set the capabilities",
  raiseAmbient: "raise the ambient capabilities",
  keepCapabilities: "keep the capabilities over the change of user",
  endKeeping: "end keeping capabilities",
  noNewPrivileges: "set no_new_privs",
  seccomp: "install the seccomp filter",

  // Hooks.
  hook: ({ path }: Path) => `run the hook ${path}`,
  hookOutput: ({ path }: Path) => `open ${path} for the output of hooks`,
  awaitHooks: "wait for the hooks of the runtime namespace",
  changeToBundle: ({ path }: Path) => `change to the bundle ${path}`,

  // The program.
  makeCwd: ({ path }: Path) => `make the working directory ${path}`,
  changeToCwd: ({ path }: Path) => `change to the working directory ${path}`,
  whereIsCwd: "look where the working directory is",
  findHome: "look up HOME in /etc/passwd",
  setListenPid: "set LISTEN_PID",
  closeOthers: "mark all other file descriptors close-on-exec",
  openFifo: "open exec.fifo",
  awaitBrun: "wait for brun",
  awaitStart: "wait for brun start",
  leaveInit: "leave an init behind",
  dieWithParent: "end when brun ends",
  findProgram: ({ file }: File) => `find the program ${quoted(file)}`,
  execute: ({ file }: File) => `execute ${quoted(file)}`,

  // Commands on an existing container (src/container/{state,start,kill,delete,exec}.ts).
  lock: "lock the container's directory",
  readState: "read the container's state",
  isMade: "look whether the container is still being made",
  isThere: "look whether the container is still there",
  isAlive: "look whether the container's process lives",
  isThawed: "look whether the container's cgroup is frozen",
  isCreated: "look whether the container waits for brun start",
  openProcess: "open the container's process",
  print: "write the container's state to stdout",
  letGo: "let the container go on",
  awaitProgram: "wait for its program to be executed",
  isExecuted: "look whether its program has been executed",
  isForAll: "look whether the signal is for all of its processes",
  signal: "signal the container's process",
  end: "kill the container's process",
  awaitEnd: "wait for the end of the container's process",
  removeCgroup: "remove the container's cgroup",
  removeFiles: "remove the container's files",
  removeDirectory: "remove the container's directory",

  // Clean-up, and files beside the container.
  remove: ({ path }: Path) => `remove ${path}`,
  endProcesses: ({ id }: { readonly id: string }) => `end the processes of ${id}`,
  openTaken: ({ path }: Path) => `open ${path} to take names in it`,
  lockTaken: ({ path }: Path) => `lock ${path}, in which names are taken`,
  takeName: ({ path }: Path) => `take the name ${path}`,
  /** A trial of `brun doctor`. */
  call: ({ name }: { readonly name: string }) => `call ${name}`,
} as const;

type Phrases = typeof phrases;

/** Kinds of steps. */
export type StepKind = keyof Phrases;

/** The purpose of operations: a kind, and its object. */
export type Step = {
  [Kind in StepKind]: Phrases[Kind] extends (fields: infer Fields) => string
    ? { readonly kind: Kind } & Fields
    : { readonly kind: Kind };
}[StepKind];

/** Kinds of steps without fields. */
export type PlainStep = Exclude<
  { [Kind in StepKind]: Phrases[Kind] extends string ? Kind : never }[StepKind],
  "none"
>;

/** A step that looks for the program, or executes it. */
export type ProgramStep = Step & File;

/** Whether a step is about the program itself. */
export function isAboutProgram(step: Step): step is ProgramStep {
  return step.kind === "findProgram" || step.kind === "execute";
}

/** Whether a step mounts a file system of this type. */
export function isMountOf(step: Step, fsType: string): boolean {
  return step.kind === "mount" && step.fsType === fsType;
}

/** Whether a step is a bind mount. */
export function isBind({ kind }: Step): boolean {
  return kind === "bind" || kind === "bindDevice" || kind === "bindHostDevice" || kind === "bindConsole";
}

/** The step as text: "mount proc on /proc". */
export function phrase(step: Step): string {
  const found = phrases[step.kind] as string | ((step: Step) => string);
  return typeof found === "string" ? found : found(step);
}
