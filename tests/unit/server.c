#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/server.h"

enum { START_MS = 10000, ARGS_MAX = 32 };

static void
give_up(const char *what, const char *why)
{
	fprintf(stderr, "test server: %s: %s\n", what, why);
	exit(99);
}

void
server_die_with_parent(void)
{
#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
}

void
server_prepare(struct server *s)
{
	const char *tmp = getenv("TMPDIR");

	if (tmp == NULL || strlen(tmp) > 32) /* a socket's path is short */
		tmp = "/tmp";
	*s = (struct server){ 0 };
	snprintf(s->dir, sizeof(s->dir), "%s/ev-test.XXXXXX", tmp);
	if (mkdtemp(s->dir) == NULL)
		give_up(s->dir, strerror(errno));
	snprintf(s->socket, sizeof(s->socket), "%s/socket", s->dir);
	snprintf(s->url, sizeof(s->url), "unix://%s", s->socket);
}

static void
exec_server(const struct server *s, const char *const *options)
{
	const char *args[ARGS_MAX] = {
		"redis-server", "--port",  "0",
		"--unixsocket", s->socket, "--dir",
		s->dir,         "--save",  "",
		"--logfile",    "log",
	};
	size_t n = 11;

	for (; options != NULL && *options != NULL && n < ARGS_MAX - 1;
	     options++)
		args[n++] = *options;
	/* execvp() takes what it does not change as char *const. */
	execvp("redis-server", (char *const *)(void *)args);
	execvp("valkey-server", (char *const *)(void *)args);
	give_up("redis-server, valkey-server", strerror(errno));
}

void
server_spawn(struct server *s, const char *const *options)
{
	s->pid = fork();
	if (s->pid < 0)
		give_up("fork", strerror(errno));
	if (s->pid != 0)
		return;
	server_die_with_parent();
	exec_server(s, options);
}

static bool
answers(const struct server *s)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool up;

	memcpy(to.sun_path, s->socket, strlen(s->socket));
	up = connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0;
	close(fd);
	return up;
}

void
server_start(struct server *s, const char *const *options)
{
	int ms;

	server_prepare(s);
	server_spawn(s, options);
	for (ms = 0; ms < START_MS; ms += 5) {
		if (answers(s))
			return;
		if (waitpid(s->pid, NULL, WNOHANG) == s->pid)
			give_up(s->dir, "the server ended");
		poll(NULL, 0, 5);
	}
	give_up(s->dir, "the server does not answer");
}

void
server_kill(struct server *s)
{
	if (s->pid == 0)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void
server_stop(struct server *s)
{
	server_kill(s);
	if (s->dir[0] != '\0')
		nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	s->dir[0] = '\0';
}
