#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/stop.h"

enum { SAME_MS = 50 /* timeout(1) signals its child and then its group */ };

static volatile sig_atomic_t stopping;
static volatile sig_atomic_t first; /* the signal that asked for it */
static struct timespec stopped_at;
static const char *volatile note;
static void (*volatile last)(void);
static int stop_pipe[2] = { -1, -1 };

/* write(2) is all that is safe here; that it fails changes nothing. */
static void
say_note(const char *what)
{
	if (write(STDERR_FILENO, "stopped in: ", 12) < 0 ||
	    write(STDERR_FILENO, what, strlen(what)) < 0 ||
	    write(STDERR_FILENO, "\n", 1) < 0)
		return;
}

static long
ms_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - then->tv_sec) * 1000 +
	       (now.tv_nsec - then->tv_nsec) / 1000000;
}

/* The second signal: die by it, so that the parent sees a death by signal. */
static void
on_signal(int sig)
{
	int saved = errno;

	if (stopping && (sig != first || ms_since(&stopped_at) >= SAME_MS)) {
		if (note != NULL)
			say_note(note);
		if (last != NULL)
			last();
		signal(sig, SIG_DFL);
		raise(sig);
	}
	if (!stopping) {
		first = sig;
		clock_gettime(CLOCK_MONOTONIC, &stopped_at);
	}
	stop_request();
	errno = saved;
}

/* Whoever started us may have closed them.  What is opened later must not get
 * their numbers: using them has to fail. */
static void
occupy_standard_fds(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null",
			 fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			return;
}

void
stop_init(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	int i;

	occupy_standard_fds();
	if (pipe(stop_pipe) < 0)
		die(EXIT_OUTPUT, "cannot make a pipe: %s", strerror(errno));
	for (i = 0; i < 2; i++) {
		fcntl(stop_pipe[i], F_SETFD, FD_CLOEXEC);
		fcntl(stop_pipe[i], F_SETFL, O_NONBLOCK);
	}
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool
stop_requested(void)
{
	return stopping != 0;
}

int
stop_fd(void)
{
	return stop_pipe[0];
}

static void
on_tick(int sig)
{
	(void)sig; /* that it came is all */
}

void
stop_tick(int64_t every_ms)
{
	struct sigaction action = { .sa_handler = on_tick };
	struct itimerval timer = {
		.it_interval = { .tv_sec = every_ms / 1000,
				 .tv_usec = every_ms % 1000 * 1000 },
	};

	timer.it_value = timer.it_interval;
	sigemptyset(&action.sa_mask);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

void
stop_note(const char *what)
{
	note = what;
}

void
stop_last(void (*act)(void))
{
	last = act;
}

void
stop_request(void)
{
	stopping = 1;
	if (write(stop_pipe[1], "", 1) < 0)
		return; /* full: it is readable already */
}

bool
stop_sleep(int ms)
{
	struct pollfd pfd = { .fd = stop_pipe[0], .events = POLLIN };

	poll(&pfd, 1, ms);
	return stop_requested();
}
