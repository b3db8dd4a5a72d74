#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/peer.h"
#include "tests/unit/server.h"

static int
listen_at(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(at.sun_path, path, strlen(path));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, 8) < 0) {
		perror(path);
		exit(99);
	}
	return fd;
}

void
peer_start(struct peer *p, peer_script *script)
{
	int listener, fd, n;

	*p = (struct peer){ .dir = "/tmp/ev-peer.XXXXXX" };
	if (mkdtemp(p->dir) == NULL) {
		perror(p->dir);
		exit(99);
	}
	snprintf(p->url, sizeof(p->url), "unix://%s/s", p->dir);
	listener = listen_at(p->url + strlen("unix://"));
	p->pid = fork();
	if (p->pid == 0) {
		server_die_with_parent();
		signal(SIGPIPE, SIG_IGN);
		for (n = 0; (fd = accept(listener, NULL, NULL)) >= 0; n++) {
			script(fd, n);
			close(fd);
		}
		_exit(0);
	}
	close(listener);
}

void
peer_stop(struct peer *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	unlink(p->url + strlen("unix://"));
	rmdir(p->dir);
}

void
peer_expect(int fd, const char *text)
{
	size_t matched = 0;
	char c;

	while (text[matched] != '\0' && read(fd, &c, 1) == 1)
		if (c == text[matched])
			matched++;
		else
			matched = c == text[0];
}

void
peer_write(int fd, const char *bytes, size_t len)
{
	while (len != 0) {
		ssize_t n = write(fd, bytes, len);

		if (n <= 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

void
peer_say(int fd, const char *text)
{
	peer_write(fd, text, strlen(text));
}

void
peer_login(int fd)
{
	peer_expect(fd, "PING\r\n");
	peer_say(fd, "+OK\r\n:77\r\n+PONG\r\n");
}

void
peer_silence(int fd)
{
	char bytes[4096];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
}
