/*
 * latency - how long an event takes from a publisher's stdin to a follower's
 * stdout
 *
 * latency ROUNDS PUBLISHER FOLLOWER [DELAY]
 *
 * Both are shell commands that run all the time, on pipes.  One event at a time
 * is written to the publisher; the round ends when the follower has printed
 * its line.  Prints median and 99th percentile in microseconds.  A pause
 * between rounds lets both sides fall asleep, as they would in real life.
 *
 * If the publisher schedules its events for DELAY ms from now, what is measured
 * is how much later than that they come.  The pauses are then of any length up
 * to PHASE_US, so that rounds don't keep in step with what looks for due events.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum {
	ROUNDS_MAX = 100000,
	PAUSE_US = 1000, /* between rounds */
	PHASE_US = 100000,
	PATIENCE_MS = 5000, /* for one event */
	PROBE_MS = 100,     /* for an event while the follower starts */
	PROBES = 100
};

struct child {
	pid_t pid;
	int fd; /* the end of the pipe that is ours */
};

static struct child publisher, follower;

struct output {
	int fd;
	char buf[64 << 10];
	size_t len;
};

/* Run a shell command with our pipe as its stdin (end 0) or stdout (end 1). */
static struct child
start(const char *command, int end)
{
	struct child child;
	int fds[2];

	if (pipe(fds) < 0)
		bench_die("pipe");
	/* Ours is not for the other child. */
	fcntl(fds[!end], F_SETFD, FD_CLOEXEC);
	child.pid = fork();
	if (child.pid < 0)
		bench_die("fork");
	if (child.pid == 0) {
		dup2(fds[end], end);
		close(fds[end]);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(fds[end]);
	child.fd = fds[!end];
	return child;
}

/* At exit, however it comes about: a follower ends by no other means. */
static void
end_children(void)
{
	if (publisher.pid > 0) {
		close(publisher.fd);
		waitpid(publisher.pid, NULL, 0);
	}
	if (follower.pid > 0) {
		kill(follower.pid, SIGTERM);
		waitpid(follower.pid, NULL, 0);
	}
}

static void
publish(int fd, unsigned n)
{
	char line[256];
	int len =
		snprintf(line, sizeof line,
			 "{\"specversion\":\"1.0\",\"id\":\"ping-%u\","
			 "\"source\":\"/bench\",\"type\":\"com.example.ping\","
			 "\"data\":{\"n\":%u}}\n",
			 n, n);

	if (write(fd, line, (size_t)len) != len)
		bench_die("the publisher is gone");
}

/* Take lines until the one of event n.  Returns 0, or -1 if it does not come
 * within timeout_ms of silence. */
static int
await(struct output *o, unsigned n, int timeout_ms)
{
	char wanted[32];

	snprintf(wanted, sizeof wanted, "\"ping-%u\"", n);
	for (;;) {
		struct pollfd p = { .fd = o->fd, .events = POLLIN };
		char *newline;
		ssize_t got;

		while ((newline = memchr(o->buf, '\n', o->len))) {
			size_t used = (size_t)(newline + 1 - o->buf);
			int found;

			*newline = '\0';
			found = strstr(o->buf, wanted) != NULL;
			o->len -= used;
			memmove(o->buf, newline + 1, o->len);
			if (found)
				return 0;
		}
		if (poll(&p, 1, timeout_ms) == 0)
			return -1;
		got = read(o->fd, o->buf + o->len, sizeof o->buf - o->len);
		if (got <= 0)
			bench_die("the follower is gone");
		o->len += (size_t)got;
	}
}

/* Publish until the follower shows one: it may still be starting.  Returns the
 * number of the next event. */
static unsigned
meet(int in, struct output *out, unsigned delay_ms)
{
	for (unsigned n = 0; n < PROBES; n++) {
		publish(in, n);
		if (await(out, n, PROBE_MS + (int)delay_ms) == 0)
			return n + 1;
	}
	errno = 0;
	bench_die("nothing comes through");
}

static void
rest(unsigned delay_ms)
{
	long us = PAUSE_US + (delay_ms > 0 ? random() % PHASE_US : 0);
	const struct timespec pause = { .tv_nsec = us * 1000 };

	nanosleep(&pause, NULL);
}

static void
measure(int in, struct output *out, uint64_t *took_us, unsigned rounds,
	unsigned delay_ms)
{
	unsigned first = meet(in, out, delay_ms);

	for (unsigned i = 0; i < rounds; i++) {
		uint64_t begin, took;

		rest(delay_ms);
		begin = bench_now_us();
		publish(in, first + i);
		errno = 0;
		if (await(out, first + i, PATIENCE_MS) < 0)
			bench_die("an event was lost");
		took = bench_now_us() - begin;
		errno = 0;
		/* Two clocks, one of whole ms. */
		if (took + 1000 < (uint64_t)delay_ms * 1000)
			bench_die("an event came before it was due");
		took_us[i] = took > (uint64_t)delay_ms * 1000
				     ? took - (uint64_t)delay_ms * 1000
				     : 0;
	}
}

int
main(int argc, char **argv)
{
	static uint64_t took_us[ROUNDS_MAX];
	static struct output out;
	unsigned rounds = 0, delay_ms = 0;

	if (argc == 4 || argc == 5)
		rounds = (unsigned)strtoul(argv[1], NULL, 10);
	if (argc == 5)
		delay_ms = (unsigned)strtoul(argv[4], NULL, 10);

	if (rounds == 0 || rounds > ROUNDS_MAX) {
		fputs("usage: latency ROUNDS PUBLISHER FOLLOWER [DELAY]\n",
		      stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	atexit(end_children);
	follower = start(argv[3], STDOUT_FILENO);
	publisher = start(argv[2], STDIN_FILENO);
	out.fd = follower.fd;
	measure(publisher.fd, &out, took_us, rounds, delay_ms);

	qsort(took_us, rounds, sizeof *took_us, bench_compare_u64);
	printf("%llu %llu\n", (unsigned long long)took_us[rounds / 2],
	       (unsigned long long)took_us[rounds * 99 / 100]);
	return 0;
}
