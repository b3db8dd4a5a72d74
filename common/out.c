#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/out.h"
#include "common/stop.h"
#include "common/text.h"
#include "common/when.h"

enum {
	FULL = 64 << 10,
	STUCK_MS = 500 /* after a stop, a reader that takes nothing so long */
};

void
out_init(struct out *out, int fd, const char *name)
{
	struct stat st;

	*out = (struct out){
		.fd = fd,
		.name = name,
		.pipe = fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode),
		.terminal = isatty(fd) == 1,
		.terminator = '\n',
	};
}

/*
 * What a write may take now.  A stop ends a write that blocks: who reads has
 * stopped reading.  A pipe that is writable takes PIPE_BUF bytes at once.
 */
static size_t
share(const struct out *out, size_t len)
{
	struct pollfd pfd = { .fd = out->fd, .events = POLLOUT };
	int64_t end, left;
	int rc;

	if (!out->pipe || !stop_requested())
		return len;
	end = when_monotonic() + STUCK_MS;
	do {
		left = end - when_monotonic();
		rc = poll(&pfd, 1, left > 0 ? (int)left : 0);
	} while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return 0;
	return len < PIPE_BUF ? len : PIPE_BUF;
}

/* Another process may have made the descriptor non-blocking. */
static bool
is_full(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK;
}

static void
wait_for_room(const struct out *out)
{
	struct pollfd pfd[2] = {
		{ .fd = out->fd, .events = POLLOUT },
		{ .fd = stop_fd(), .events = POLLIN },
	};

	poll(pfd, 2, -1);
}

int
out_flush(struct out *out)
{
	size_t done = 0;

	while (out->error == 0 && done < out->buf.len) {
		size_t len = share(out, out->buf.len - done);
		ssize_t n = len != 0 ? write(out->fd, out->buf.data + done, len)
				     : -1;

		if (n >= 0)
			done += (size_t)n;
		else if (len == 0)
			out->error = EINTR;
		else if ((errno != EINTR && !is_full(errno)) ||
			 (stop_requested() && !out->pipe))
			out->error = is_full(errno) ? EINTR : errno;
		else if (is_full(errno))
			wait_for_room(out);
		if (done < out->buf.len && out->interrupted != NULL)
			out->interrupted(out->arg);
	}
	buf_clear(&out->buf);
	return out->error != 0 ? -1 : 0;
}

static int
settle(struct out *out)
{
	if (out->buf.len >= FULL && out->fd >= 0)
		return out_flush(out);
	return out->error != 0 ? -1 : 0;
}

int
out_write(struct out *out, const char *text, size_t len)
{
	if (out->error != 0)
		return -1;
	buf_add(&out->buf, text, len);
	return settle(out);
}

static bool
is_newline(char c)
{
	return c == '\n' || c == '\r';
}

/* Everything but controls goes out as it is; text is valid UTF-8. */
static void
add_for_terminal(struct buf *b, const char *text, size_t len)
{
	while (len != 0) {
		size_t n = text_utf8_len(text, len);
		char *end = buf_reserve(b, 6);

		if (n == 0)
			n = 1;
		if (n == 1 && (is_newline(*text) || *text == '\t'))
			*end = ' ', b->len++;
		else if (text_is_control(text, n))
			b->len += text_json_escape(end, text, n);
		else
			buf_add(b, text, n);
		text += n;
		len -= n;
	}
}

int
out_json(struct out *out, const char *text, size_t len)
{
	const char *end = text + len;

	if (out->error != 0)
		return -1;
	if (out->terminal) {
		add_for_terminal(&out->buf, text, len);
		return settle(out);
	}
	while (text < end) {
		size_t left = (size_t)(end - text), run;
		const char *lf = memchr(text, '\n', left);
		const char *cr = memchr(text, '\r', left);

		run = left;
		if (lf != NULL)
			run = (size_t)(lf - text);
		if (cr != NULL && (size_t)(cr - text) < run)
			run = (size_t)(cr - text);
		buf_add(&out->buf, text, run);
		text += run;
		while (text < end && is_newline(*text))
			text++;
	}
	return settle(out);
}

int
out_name(struct out *out, const char *name)
{
	size_t len = strlen(name), n;
	char escaped[6];

	if (out->error != 0)
		return -1;
	for (; len != 0 && text_utf8_prefix(name, len) != 0; len -= n) {
		n = text_utf8_len(name, len);
		if (text_is_control(name, n))
			buf_add(&out->buf, escaped,
				text_json_escape(escaped, name, n));
		else
			buf_add(&out->buf, name, n);
		name += n;
	}
	return settle(out);
}

int
out_end(struct out *out)
{
	if (out->error != 0)
		return -1;
	buf_addc(&out->buf, out->terminator);
	return out->terminal ? out_flush(out) : settle(out);
}

int
out_watch_fd(const struct out *out)
{
	return out->pipe ? out->fd : -1;
}

bool
out_is_abandoned(struct out *out)
{
	struct pollfd pfd = { .fd = out->fd };

	if (out->pipe && poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLERR))
		out->error = EPIPE;
	return out->error != 0;
}

enum exit_status
out_close(struct out *out, enum exit_status status)
{
	out_flush(out);
	buf_release(&out->buf);
	/* Some file systems tell of a failed write only here. */
	if (out->error == 0 && close(out->fd) < 0)
		out->error = errno;
	if (out->error == 0 || out->error == EPIPE ||
	    (out->error == EINTR && stop_requested()))
		return status;
	fault("%s: %s", out->name, strerror(out->error));
	return EXIT_OUTPUT;
}
