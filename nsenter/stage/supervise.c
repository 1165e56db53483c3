/*
 * The supervisor replaces Bun: it takes some 50 KB instead of 30 MB while the container runs, and never wakes up
 * by itself. The clean-up at the end was compiled to a program before.
 */
#include "supervise.h"

#include "../plan/local.h"
#include "notify.h"
#include "raw-mode.h"
#include "relay.h"
#include "typed.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/signal.h>
#include <linux/signalfd.h>

#define WAIT_NO_HANG 1 /* WNOHANG */
#define STATUS_UNKNOWN 255
#define SI_FROM_KERNEL 0x80 /* SI_KERNEL of <siginfo.h> */
#define DRAIN_MS 100        /* how long to wait for output at the end if another process still has the pty */

struct supervisor {
	struct supervise_request request;
	struct raw_mode mode;
	struct relay input;
	struct relay output;
	unsigned char last; /* the last byte that was typed */
	uint64_t received;  /* signals that were received, a bit each */
	int status;
	int ended;
	int abandoned; /* the client is gone */
};

static struct supervisor self;

/* Reaps every child. As a subreaper brun inherits the descendants of the container's process. */
static void reap(void)
{
	int32_t status;
	long pid;

	for (;;) {
		pid = sys4(__NR_wait4, -1, &status, WAIT_NO_HANG, 0);
		if (pid == -ECHILD && !self.ended) {
			self.status = STATUS_UNKNOWN; /* reaped elsewhere */
			self.ended = 1;
		}
		if (pid <= 0)
			return;
		if (pid == self.request.pid) {
			self.status = (status & 0x7f) != 0 ? 128 + (status & 0x7f) : (status >> 8) & 0xff;
			self.ended = 1;
		}
	}
}

static uint64_t bit_of(unsigned int sig)
{
	return 1ULL << (sig - 1);
}

/*
 * Applies a signal to this process as if it were not blocked. Ignored signals have no effect. A stop has none in
 * an orphaned process group, in which no shell could continue the process.
 */
static void act_on_self(unsigned int sig)
{
	uint64_t all = ~0ULL;
	uint64_t others = ~bit_of(sig);

	sys2(__NR_kill, sys0(__NR_getpid), sig);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &others, 0, sizeof(others));
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof(all));
}

/*
 * Connects the terminal to the container's while this process is in the foreground. A process that reads its
 * terminal in the background stops, and its shell reports that. Stopping is necessary, since a shell only
 * continues processes that have stopped.
 */
static void take_terminal(void)
{
	struct termios mode;

	if (self.request.host < 0 || self.request.terminal < 0 || self.mode.is_on)
		return;
	if (raw_mode_is_foreground(&self.mode)) {
		raw_mode_enter(&self.mode);
		raw_mode_copy_size(&self.mode);
		self.input.from = 0;
	} else if (sys3(__NR_ioctl, 0, TCGETS, &mode) == 0) {
		act_on_self(SIGTTIN);
	}
}

static int is_init(void)
{
	return (self.request.flags & SUPERVISE_INIT) != 0;
}

static void send(unsigned int sig)
{
	long result = sys4(__NR_pidfd_send_signal, self.request.pidfd, sig, 0, 0);

	/* Before Linux 5.1, or with a filter. The child has not been reaped, so no other process has its pid. */
	if (result == -ENOSYS || result == -EPERM)
		sys2(__NR_kill, self.request.pid, sig);
}

/*
 * Stops this process after the program has stopped, so that a shell can continue it.
 * Returns when both are to go on.
 */
static void suspend(void)
{
	raw_mode_leave(&self.mode);
	act_on_self(SIGTSTP);
	take_terminal();
	send(SIGCONT);
}

static void handle_signal(unsigned int sig)
{
	switch (sig) {
	case SIGCHLD:
		reap();
		break;
	case SIGWINCH:
		raw_mode_copy_size(&self.mode);
		if (self.request.terminal < 0 && is_init())
			send(SIGWINCH);
		break;
	case SIGTSTP:
		send(SIGTSTP);
		if (is_init())
			suspend();
		break;
	case SIGCONT:
		take_terminal();
		send(SIGCONT);
		break;
	case SIGPIPE:
	case SIGURG:
		break;
	case SIGALRM:
		send(self.request.timeout > 0 ? SIGKILL : SIGALRM);
		break;
	default:
		send(sig);
	}
}

static void take_signal(int fd)
{
	struct signalfd_siginfo info;

	if (sys3(__NR_read, fd, &info, sizeof(info)) != (long)sizeof(info))
		return;
	self.received |= bit_of(info.ssi_signo);
	/* Ctrl-C goes to a whole process group, so a process in this group has got it already. */
	if (info.ssi_code == SI_FROM_KERNEL && info.ssi_signo != SIGCHLD && info.ssi_signo != SIGALRM &&
	    info.ssi_signo != SIGWINCH && sys1(__NR_getpgid, self.request.pid) == sys1(__NR_getpgid, 0))
		return;
	handle_signal(info.ssi_signo);
}

/* Handles signals that came while this was still brun. Bun's other threads have ended, so no more bytes come. */
static void take_early_signals(void)
{
	unsigned char byte;

	while (sys3(__NR_read, self.request.early, &byte, 1) == 1) {
		self.received |= bit_of(byte);
		handle_signal(byte);
	}
	sys1(__NR_close, self.request.early);
}

static int open_signals(void)
{
	uint64_t all = ~0ULL;

	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof(all));
	return (int)sys4(__NR_signalfd4, -1, &all, sizeof(all), SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Passes on input, and checks its effects. */
static void step_input(const struct pollfd *poll)
{
	int had_source = self.input.from >= 0;
	int full = self.input.start < self.input.end;
	struct termios mode;

	relay_step(&self.input, poll);
	if (!full && self.input.start < self.input.end) {
		self.last = self.input.buffer[self.input.end - 1];
		typed_note();
	}
	/* Reading also fails if the terminal belongs to another group now. That is not the end of the input. */
	if (had_source && self.input.from < 0 && sys3(__NR_ioctl, 0, TCGETS, &mode) < 0)
		typed_end(self.last != '\n');
	if (!typed_look(&self.input))
		return;
	if (is_init() && self.request.keep.directory < 0)
		suspend();
	else
		send(SIGCONT);
}

/* Ends the container, since its client is gone. */
static void abandon(void)
{
	self.abandoned = 1;
	self.request.client = -1;
	send(SIGKILL);
}

static void wait_for_end(int signals)
{
	struct timespec64 timeout;
	struct pollfd poll[6 + KEEP_POLLS];
	int watched = self.request.pidfd;

	/* The process may have ended before SIGCHLD was blocked. */
	reap();
	while (!self.ended) {
		poll[0].fd = signals;
		poll[0].events = POLLIN;
		relay_prepare(&self.input, &poll[1]);
		relay_prepare(&self.output, &poll[2]);
		poll[3].fd = self.request.notify;
		poll[3].events = POLLIN;
		/* The pidfd tells the same as SIGCHLD. */
		poll[4].fd = watched;
		poll[4].events = POLLIN;
		/* The client sends nothing. POLLHUP is always reported. */
		poll[5].fd = self.request.client;
		poll[5].events = 0;
		keep_prepare(poll + 6);
		if (sys5(__NR_ppoll, poll, ARRAY_LENGTH(poll), typed_timeout(&timeout), 0, 8) < 0)
			continue;
		if (poll[0].revents)
			take_signal(signals);
		if (poll[4].revents) {
			reap();
			/*
			 * The child is reaped, or another process traces it. In that case SIGCHLD comes
			 * when that process detaches.
			 */
			watched = -1;
		}
		step_input(&poll[1]);
		relay_step(&self.output, &poll[2]);
		keep_step(poll + 6);
		if (poll[3].revents)
			notify_forward(self.request.notify, self.request.upstream);
		if (poll[5].revents)
			abandon();
	}
}

/* Copies output that is still in the pty or in pipes after the process has ended. */
static void drain(void)
{
	struct pollfd poll[1 + KEEP_POLLS];
	struct timespec64 timeout;

	for (;;) {
		timeout.seconds = 0;
		timeout.nanoseconds = (int64_t)DRAIN_MS * 1000000;
		relay_prepare(&self.output, poll);
		keep_prepare(poll + 1);
		/* No process reads input any more. */
		poll[KEEP_POLLS].fd = -1;
		if ((poll[0].fd < 0 && keep_is_done()) ||
		    sys5(__NR_ppoll, poll, ARRAY_LENGTH(poll), &timeout, 0, 8) == 0)
			return;
		relay_step(&self.output, poll);
		keep_step(poll + 1);
	}
}

/* Makes SIGALRM come at the process's time-out. */
static void set_timer(void)
{
	struct {
		int64_t interval[2];
		int64_t value[2]; /* seconds and microseconds */
	} timer = {{0, 0}, {self.request.timeout / 1000, self.request.timeout % 1000 * (int64_t)1000}};

	if (self.request.timeout > 0)
		sys3(__NR_setitimer, 0, &timer, 0);
}

/*
 * Dies of the signal that ended the program, if this process has received it, or if it was typed. A shell
 * leaves its loop if a program dies of Ctrl-C, but goes on after an exit code. Returns if there was no such
 * signal, or if it is ignored.
 */
static void end_as_program(void)
{
	unsigned int sig = self.status > 128 ? (unsigned int)self.status - 128 : 0;

	if (sig != SIGHUP && sig != SIGINT && sig != SIGQUIT && sig != SIGTERM)
		return;
	if ((self.received & bit_of(sig)) == 0 && !raw_mode_is_key_of(&self.mode, sig, self.last))
		return;
	/* Prevents a core dump, which would not be the program's. */
	sys5(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
	act_on_self(sig);
}

static void clean_up(struct machine *machine, unsigned char *data, size_t size)
{
	struct failure failure;

	if (size == 0)
		return;
	machine->sync = -1;
	machine->slots[SLOT_DIRECTORY] = self.request.directory;
	local_run(machine, data, size, &failure);
}

/* brun is gone, so it cannot help any more. The container goes on without a foreground process. */
__attribute__((noreturn)) static void give_up(void)
{
	static const char line[] =
	    "brun: cannot supervise the container, which goes on without; hint: brun delete --force ends it\n";

	sys3(__NR_write, 2, line, sizeof(line) - 1);
	sys_exit(1);
}

void supervise_process(struct machine *machine, const struct supervise_request *request,
		       unsigned char *program)
{
	int signals = open_signals();

	if (signals < 0)
		give_up();
	copy(&self.request, request, sizeof(*request));
	self.mode.host = self.request.host;
	self.mode.terminal = self.request.terminal;
	self.input.from = self.request.terminal < 0 ||
				  (self.request.host >= 0 && !raw_mode_is_foreground(&self.mode))
			      ? -1
			      : 0;
	self.input.to = self.request.terminal;
	self.output.from = self.request.terminal;
	self.output.to = 1;
	self.last = '\n';
	keep_begin(&self.request.keep);
	typed_begin(self.request.terminal < 0 ? self.request.keep.input : self.request.terminal,
		    self.request.pid);
	take_terminal();
	raw_mode_copy_size(&self.mode);
	set_timer();
	take_early_signals();
	wait_for_end(signals);
	drain();
	raw_mode_leave(&self.mode);
	keep_end(self.status);
	if (self.abandoned || (self.request.flags & SUPERVISE_STAYS) == 0)
		clean_up(machine, program, self.request.program);
	if ((self.request.flags & SUPERVISE_RAISES) != 0)
		end_as_program();
	sys_exit(self.status);
}

void supervise(struct machine *machine, int fd)
{
	struct supervise_request request;
	unsigned char *map;
	long size = sys3(__NR_lseek, fd, 0, 2);
	long address;

	if (size < (long)sizeof(request))
		give_up();
	address = sys6(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (address < 0)
		give_up();
	map = (unsigned char *)(uintptr_t)address;
	copy(&request, map, sizeof(request));
	sys1(__NR_close, fd);
	if (request.magic != SUPERVISE_MAGIC || request.program > (size_t)size - sizeof(request))
		give_up();
	supervise_process(machine, &request, map + sizeof(request));
}
