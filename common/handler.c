#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/deadline.h"
#include "common/diag.h"
#include "common/handler_io.h"
#include "common/mem.h"
#include "common/stop.h"
#include "common/when.h"

enum { RELEASE_WAIT_MS = 1000 };

static int child_pipe[2] = { -1, -1 };

static void
on_child(int sig)
{
	int saved = errno;

	(void)sig;
	if (write(child_pipe[1], "", 1) < 0)
		errno = saved; /* full: it is readable already */
}

/* SIGCHLD may have been inherited as ignored or blocked, and would then tell
 * nothing; ignored it even takes the exit status away. */
int
handler_child_fd(void)
{
	struct sigaction action = { .sa_handler = on_child,
				    .sa_flags = SA_RESTART | SA_NOCLDSTOP };
	sigset_t child;
	int i;

	if (child_pipe[0] >= 0)
		return child_pipe[0];
	if (pipe(child_pipe) < 0)
		die(EXIT_OUTPUT, "cannot make a pipe: %s", strerror(errno));
	for (i = 0; i < 2; i++) {
		fcntl(child_pipe[i], F_SETFD, FD_CLOEXEC);
		fcntl(child_pipe[i], F_SETFL, O_NONBLOCK);
	}
	sigemptyset(&action.sa_mask);
	sigaction(SIGCHLD, &action, NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_UNBLOCK, &child, NULL);
	return child_pipe[0];
}

void
handler_child_seen(void)
{
	char drop[256];

	while (read(child_pipe[0], drop, sizeof(drop)) == sizeof(drop))
		continue;
}

/*
 * All whose process was started and not waited for yet.  The second signal reads
 * the list whatever is being done to it, so that a change is one atomic store.
 */
static _Atomic(struct handler *) running;

static void
kill_running(void)
{
	const struct handler *h;

	for (h = running; h != NULL; h = h->next)
		kill(-h->pid, SIGKILL);
}

static void
enlist(struct handler *h)
{
	h->next = running;
	running = h;
	stop_last(kill_running);
}

static void
delist(struct handler *h)
{
	_Atomic(struct handler *) *at = &running;

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
}

static bool
is_command(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	if (!S_ISREG(st.st_mode)) {
		errno = EACCES;
		return false;
	}
	return access(path, X_OK) == 0;
}

/*
 * Look a name up as execvp(3) does.  Returns the path, to be freed, or NULL with
 * errno: EACCES if there were only files that can't be executed.
 */
static char *
look_up(const char *name)
{
	const char *dirs = getenv("PATH"), *end;
	struct buf path = { 0 };
	int error = ENOENT;

	if (strchr(name, '/') != NULL)
		return xstrdup(name);
	if (dirs == NULL)
		dirs = "/usr/bin:/bin";
	for (; *name != '\0'; dirs = end + 1) {
		end = dirs + strcspn(dirs, ":");
		buf_clear(&path);
		if (end == dirs)
			buf_addc(&path, '.');
		buf_add(&path, dirs, (size_t)(end - dirs));
		buf_addc(&path, '/');
		buf_adds(&path, name);
		if (is_command(buf_text(&path)))
			return path.data;
		if (errno == EACCES)
			error = EACCES;
		if (*end == '\0')
			break;
	}
	buf_release(&path);
	errno = error;
	return NULL;
}

static int
find(struct handler *h, const char *name)
{
	free(h->path);
	h->path = look_up(name);
	if (h->path == NULL)
		return errno;
	free(h->name);
	h->name = xstrdup(name);
	return 0;
}

/* Descriptors 0 to 3 from child[], default signals, a process group. */
static int
spawn(struct handler *h, const struct handler_command *command,
      const int child[HANDLER_PIPES])
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int i, error;

	error = posix_spawn_file_actions_init(&files);
	if (error != 0)
		return error;
	error = posix_spawnattr_init(&attr);
	if (error != 0) {
		posix_spawn_file_actions_destroy(&files);
		return error;
	}
	sigemptyset(&none);
	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
						POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETSIGMASK);
	for (i = 0; i < HANDLER_PIPES && error == 0; i++)
		error = posix_spawn_file_actions_adddup2(&files, child[i], i);
	if (error == 0)
		error = posix_spawn(&h->pid, h->path, &files, &attr,
				    command->argv, command->env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return error;
}

/* A signal between its start and the list would leave it behind. */
static int
spawn_listed(struct handler *h, const struct handler_command *command,
	     const int child[HANDLER_PIPES])
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	error = spawn(h, command, child);
	if (error == 0)
		enlist(h);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return error;
}

/* A path found earlier is looked up anew only when it has stopped working. */
static int
find_and_spawn(struct handler *h, const struct handler_command *command,
	       const int child[HANDLER_PIPES])
{
	const char *name = command->argv[0] != NULL ? command->argv[0] : "";
	bool found = h->path != NULL && strcmp(h->name, name) == 0;
	int error = found ? 0 : find(h, name);

	if (error == 0)
		error = spawn_listed(h, command, child);
	if (found && (error == ENOENT || error == ENOTDIR || error == EACCES)) {
		error = find(h, name);
		if (error == 0)
			error = spawn_listed(h, command, child);
	}
	return error;
}

/* All but the buffers and the path. */
static void
reset(struct handler *h)
{
	h->state = HANDLER_IDLE;
	h->code = 0;
	h->timed_out = h->ended = h->exited = h->killed = false;
	h->stuck = h->held = false;
	h->pid = 0;
	h->started = h->finished = 0;
	h->said[0] = '\0';
	h->progress = -1;
	h->progress_text[0] = '\0';
	h->progress_is_new = h->beat = h->control_skip = false;
	h->retry_after_ms = -1;
	h->error_class[0] = h->error_text[0] = '\0';
	h->in = h->out = h->err = h->control = -1;
	h->written = h->control_len = h->tail_len = h->passing_len = 0;
	h->open = false;
	h->unread = 0;
	h->deadline = h->kill_at = INT64_MAX;
}

void
handler_start(struct handler *h, const struct handler_command *command)
{
	int child[HANDLER_PIPES], i, error;

	handler_child_fd();
	reset(h);
	h->started = h->finished = when_monotonic();
	if (handler_io_open(h, child) < 0) {
		h->state = HANDLER_BROKEN;
		h->code = errno;
		return;
	}
	h->open = command->open;
	handler_io_feed(h, command->input, command->len);
	error = find_and_spawn(h, command, child);
	for (i = 0; i < HANDLER_PIPES; i++)
		close(child[i]);
	if (error != 0) {
		handler_io_close(h);
		h->state = HANDLER_BROKEN;
		h->code = error;
		return;
	}
	h->state = HANDLER_RUNNING;
	h->deadline = deadline_in(command->timeout_ms);
}

/* The group may be gone or left by its leader. */
static void
kill_all(const struct handler *h)
{
	kill(-h->pid, SIGKILL);
	kill(h->pid, SIGKILL);
}

static bool
is_ending(const struct handler *h)
{
	return h->timed_out || h->ended;
}

/* Once only; after that the time to SIGKILL can get shorter.  A stopped process
 * would see SIGTERM only after it is continued. */
static void
terminate(struct handler *h, int64_t now, int64_t kill_after_ms)
{
	int64_t kill_at = INT64_MAX;

	if (!is_ending(h)) {
		if (kill(-h->pid, SIGTERM) < 0)
			kill(h->pid, SIGTERM);
		if (kill(-h->pid, SIGCONT) < 0)
			kill(h->pid, SIGCONT);
	}
	if (kill_after_ms < INT64_MAX - now)
		kill_at = now + kill_after_ms;
	if (kill_at < h->kill_at)
		h->kill_at = kill_at;
}

/* Whether it has exited; it stays a zombie, so that its group can't become
 * another's. */
static bool
has_exited(const struct handler *h)
{
	siginfo_t info = { .si_pid = 0 };
	int rc =
		waitid(P_PID, (id_t)h->pid, &info, WEXITED | WNOHANG | WNOWAIT);

	return rc < 0 ? errno != EINTR : info.si_pid == h->pid;
}

static void
enforce(struct handler *h, int64_t now)
{
	if (!is_ending(h) && now >= h->deadline) {
		terminate(h, now, HANDLER_TERM_MS);
		h->timed_out = true;
	}
	if (is_ending(h) && !h->killed && now >= h->kill_at) {
		h->killed = true;
		kill_all(h);
	}
}

/* Once waited for, its number may become another's. */
static void
take_status(struct handler *h)
{
	int status;
	pid_t pid;

	delist(h);
	do
		pid = waitpid(h->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	if (pid < 0) {
		h->state = HANDLER_BROKEN;
		h->code = errno;
	} else if (WIFSIGNALED(status)) {
		h->state = HANDLER_KILLED;
		h->code = WTERMSIG(status);
	} else {
		h->state = HANDLER_EXITED;
		h->code = WEXITSTATUS(status);
	}
}

/*
 * When a run is ended, children get the same time for it as their leader: while
 * any of them holds a pipe open, the group lives until kill_at.
 */
bool
handler_reap(struct handler *h, int64_t now)
{
	if (h->state != HANDLER_RUNNING)
		return true;
	h->exited = h->exited || has_exited(h);
	if (!h->exited || is_ending(h))
		enforce(h, now);
	if (!h->exited)
		return false;
	if (is_ending(h)) {
		if (!handler_io_is_quiet(h, &h->held) && !h->killed)
			return false;
		kill(-h->pid, SIGKILL);
	}
	take_status(h);
	h->finished = when_monotonic();
	handler_io_finish(h);
	return true;
}

int64_t
handler_due(const struct handler *h)
{
	if (h->state != HANDLER_RUNNING || h->killed)
		return INT64_MAX;
	if (h->exited && handler_io_is_quiet(h, NULL))
		return h->started; /* nothing is left to wait for */
	return is_ending(h) ? h->kill_at : h->deadline;
}

void
handler_end(struct handler *h, int64_t now, int64_t kill_after_ms)
{
	if (h->state != HANDLER_RUNNING)
		return;
	terminate(h, now, kill_after_ms);
	h->ended = true;
	enforce(h, now);
}

/* A process that not even SIGKILL ends, in the kernel, is left behind. */
static void
kill_and_wait(struct handler *h)
{
	int64_t deadline = deadline_in(RELEASE_WAIT_MS);

	kill_all(h);
	while (!has_exited(h) && deadline_left(deadline) > 0)
		poll(NULL, 0, 1);
	if (has_exited(h))
		take_status(h);
	else
		delist(h);
}

void
handler_release(struct handler *h)
{
	if (h->state == HANDLER_RUNNING) {
		kill_and_wait(h);
		handler_io_close(h);
	}
	buf_clear(&h->output);
	buf_clear(&h->line);
	reset(h);
}

void
handler_free(struct handler *h)
{
	handler_release(h);
	buf_release(&h->input);
	buf_release(&h->output);
	buf_release(&h->line);
	free(h->name);
	free(h->path);
	*h = (struct handler){ 0 };
}
