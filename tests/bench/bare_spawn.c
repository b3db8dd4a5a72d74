/*
 * bare_spawn - run a command for each line the plain way: posix_spawn with a
 * pipe for its standard input
 *
 * bare_spawn JOBS COMMAND [ARG...] < FILE
 *
 * JOBS at once; the next one starts when any has exited.  It reads no stream,
 * looks at no output and no status: what evsub needs beyond this is the price
 * of being a worker.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

static void
start(char **command, const char *line, size_t len)
{
	posix_spawn_file_actions_t files;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		bench_die("pipe");
	/* A line fits in the pipe: this does not wait. */
	if (write(ends[1], line, len) != (ssize_t)len)
		bench_die("write");
	close(ends[1]);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, ends[0], STDIN_FILENO);
	errno = posix_spawn(&pid, command[0], &files, NULL, command, environ);
	if (errno != 0)
		bench_die(command[0]);
	posix_spawn_file_actions_destroy(&files);
	close(ends[0]);
}

static void
wait_for_one(void)
{
	if (waitpid(-1, NULL, 0) < 0)
		bench_die("waitpid");
}

int
main(int argc, char **argv)
{
	unsigned long jobs = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long running = 0;
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	if (jobs == 0) {
		fputs("usage: bare_spawn JOBS COMMAND [ARG...] < FILE\n",
		      stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	while ((len = getline(&line, &cap, stdin)) > 0) {
		if (running == jobs) {
			wait_for_one();
			running--;
		}
		start(argv + 2, line, (size_t)len);
		running++;
	}
	for (; running > 0; running--)
		wait_for_one();
	free(line);
	return 0;
}
