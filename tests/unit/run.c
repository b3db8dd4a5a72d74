#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/deadline.h"
#include "common/mem.h"
#include "common/when.h"
#include "tests/unit/run.h"

extern char **environ;

struct handler run_handler;
struct buf run_output;

static struct handler *const h = &run_handler;
static int witness[2];
static int real_stderr = -1; /* while it is another */

void
run_start_argv(char *const *argv, const char *input, size_t len,
	       int64_t timeout_ms)
{
	struct handler_command command = { .argv = argv,
					   .env = environ,
					   .input = input,
					   .len = len,
					   .timeout_ms = timeout_ms };

	handler_release(h);
	buf_clear(&run_output);
	handler_start(h, &command);
}

void
run_start_with(const char *script, const char *input, size_t len,
	       int64_t timeout_ms)
{
	char sh[] = "sh", dash_c[] = "-c";
	char *text = xstrdup(script);
	char *argv[] = { sh, dash_c, text, NULL };

	run_start_argv(argv, input, len, timeout_ms);
	free(text);
	if (h->state != HANDLER_RUNNING)
		fail_msg("%s: not started: %s", script, strerror(h->code));
}

void
run_start(const char *script)
{
	run_start_with(script, "", 0, INT64_MAX);
}

void
run_take(void)
{
	buf_add(&run_output, h->output.data, h->output.len);
	buf_clear(&h->output);
}

bool
run_turn(int64_t deadline)
{
	struct pollfd fds[1 + HANDLER_FDS];
	int64_t due = handler_due(h);
	size_t count;

	if (deadline_left(deadline) == 0)
		fail_msg("still runs");
	fds[0] = (struct pollfd){ .fd = handler_child_fd(), .events = POLLIN };
	count = handler_poll(h, fds + 1);
	assert_true(count <= HANDLER_FDS);
	if (poll(fds, 1 + count,
		 deadline_left(due < deadline ? due : deadline)) > 0) {
		if (fds[0].revents != 0)
			handler_child_seen();
		handler_step(h, fds + 1, count);
	}
	return handler_reap(h, when_monotonic());
}

void
run_finish(void)
{
	int64_t deadline = deadline_in(RUN_PATIENCE_MS);

	while (!run_turn(deadline))
		run_take();
	run_take();
}

void
run_until(const char *text)
{
	int64_t deadline = deadline_in(RUN_PATIENCE_MS);

	while (strstr(buf_text(&run_output), text) == NULL) {
		if (run_turn(deadline))
			fail_msg("ended before it said %s", text);
		run_take();
	}
}

void
run_script(const char *script)
{
	run_start(script);
	run_finish();
}

void
run_assert_ended(enum handler_state state, int code)
{
	if (h->state != state || h->code != code)
		fail_msg("state %d, code %d; not %d, %d", (int)h->state,
			 h->code, (int)state, code);
}

void
run_assert_output(const char *want)
{
	assert_string_equal(buf_text(&run_output), want);
}

void
run_open_witness(void)
{
	assert_int_equal(pipe(witness), 0);
	fcntl(witness[0], F_SETFD, FD_CLOEXEC);
}

bool
run_everyone_ends(void)
{
	struct pollfd pfd = { .fd = witness[0], .events = POLLIN };
	int n;

	close(witness[1]);
	do
		n = poll(&pfd, 1, RUN_PATIENCE_MS);
	while (n < 0 && errno == EINTR);
	close(witness[0]);
	return n == 1;
}

void
run_redirect_stderr(int fd)
{
	real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	assert_true(real_stderr >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
}

void
run_restore_stderr(void)
{
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	real_stderr = -1;
}

int
run_teardown(void **state)
{
	(void)state;
	if (real_stderr >= 0)
		run_restore_stderr();
	handler_free(h);
	buf_release(&run_output);
	return 0;
}

void
run_prepare(void)
{
	sigset_t child;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	for (fd = 3; fd < 256; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}
