#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/handler_io.h"

enum {
	CHUNK = 64 << 10,
	OUTPUT_MAX = 1 << 20,
	BUFFER_KEPT = 256 << 10,
	STDERR_TURN = 16, /* reads of one command's stderr in a row */
	STDERR_WAIT_MS = 1000
};

/* The one place that knows where pipe2(2) is missing. */
static int
make_pipe(int ends[2])
{
#ifdef __APPLE__
	if (pipe(ends) < 0)
		return -1;
	fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	return 0;
#else
	return pipe2(ends, O_CLOEXEC);
#endif
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int
open_pipe(int *ours, int *theirs, bool they_read)
{
	int ends[2];

	if (make_pipe(ends) < 0)
		return -1;
	*theirs = ends[they_read ? 0 : 1];
	*ours = ends[they_read ? 1 : 0];
	return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

/* Descriptors are given out from the lowest, two for each pipe, so that
 * child[n] >= n: dup2(2) in this order harms none that is still to come. */
int
handler_io_open(struct handler *h, int child[HANDLER_PIPES])
{
	int i, error;

	h->in = h->out = h->err = h->control = -1;
	for (i = 0; i < HANDLER_PIPES; i++)
		child[i] = -1;
	if (open_pipe(&h->in, &child[0], true) == 0 &&
	    open_pipe(&h->out, &child[1], false) == 0 &&
	    open_pipe(&h->err, &child[2], false) == 0 &&
	    open_pipe(&h->control, &child[3], false) == 0)
		return 0;
	error = errno;
	handler_io_close(h);
	for (i = 0; i < HANDLER_PIPES; i++)
		close_fd(&child[i]);
	errno = error;
	return -1;
}

/* A buffer that one large event has grown is not kept for the small ones. */
static void
empty(struct buf *b)
{
	if (b->cap > BUFFER_KEPT)
		buf_release(b);
	else
		buf_clear(b);
}

static size_t
waiting(int fd)
{
	int n = 0;

	if (fd < 0 || ioctl(fd, FIONREAD, &n) < 0 || n < 0)
		return 0;
	return (size_t)n;
}

static void
close_input(struct handler *h)
{
	if (h->in < 0)
		return;
	h->unread = handler_unread(h);
	close_fd(&h->in);
	empty(&h->input);
	h->written = 0;
}

void
handler_io_close(struct handler *h)
{
	close_input(h);
	close_fd(&h->out);
	close_fd(&h->err);
	close_fd(&h->control);
}

static bool
is_open_there(const struct pollfd *pfd)
{
	return pfd->fd >= 0 && (pfd->revents & POLLHUP) == 0;
}

bool
handler_io_is_quiet(const struct handler *h, bool *err)
{
	struct pollfd fds[] = { { .fd = h->err },
				{ .fd = h->out },
				{ .fd = h->control } };

	poll(fds, 3, 0);
	if (err != NULL)
		*err = is_open_there(&fds[0]);
	return !is_open_there(&fds[0]) && !is_open_there(&fds[1]) &&
	       !is_open_there(&fds[2]);
}

/* Write until the pipe is full.  Returns how much that was; *gone: a command
 * that reads no more is no error. */
static size_t
write_some(int fd, const char *text, size_t len, bool *gone)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, text + done, len - done);

		if (n >= 0) {
			done += (size_t)n;
		} else if (errno != EINTR) {
			*gone = errno != EAGAIN && errno != EWOULDBLOCK;
			break;
		}
	}
	return done;
}

void
handler_io_feed(struct handler *h, const char *input, size_t len)
{
	bool gone = false;
	size_t done = write_some(h->in, input, len, &gone);

	if ((done == len && !h->open) || gone)
		close_input(h);
	else
		buf_add(&h->input, input + done, len - done);
}

size_t
handler_unsent(const struct handler *h)
{
	return h->input.len - h->written;
}

static void
step_input(struct handler *h)
{
	bool gone = false;

	h->written += write_some(h->in, h->input.data + h->written,
				 h->input.len - h->written, &gone);
	if (gone || (h->written == h->input.len && !h->open)) {
		close_input(h);
	} else if (h->written == h->input.len) {
		buf_clear(&h->input);
		h->written = 0;
	} else if (h->open && h->written >= h->input.len / 2) {
		buf_consume(&h->input, h->written);
		h->written = 0;
	}
}

size_t
handler_unread(const struct handler *h)
{
	if (h->in < 0)
		return h->unread;
	return h->open ? handler_unsent(h) + waiting(h->in) : 0;
}

void
handler_push(struct handler *h)
{
	if (h->state != HANDLER_RUNNING || h->in < 0)
		buf_clear(&h->input);
	else if (handler_unsent(h) > 0)
		step_input(h);
}

void
handler_close_input(struct handler *h)
{
	if (h->state != HANDLER_RUNNING || h->in < 0)
		return;
	h->open = false;
	step_input(h);
}

bool
handler_input_is_closed(const struct handler *h)
{
	return h->in < 0;
}

bool
handler_output_is_closed(const struct handler *h)
{
	return h->out < 0;
}

/* read(2) that closes at the end.  Returns the bytes read, 0 for none. */
static size_t
read_some(int *fd, char *into, size_t room)
{
	ssize_t n;

	do
		n = read(*fd, into, room);
	while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK))
		close_fd(fd);
	return n > 0 ? (size_t)n : 0;
}

/* Where the last line of text ends, behind its LF; 0 if none does. */
static size_t
last_line_end(const char *text, size_t from, size_t len)
{
	while (len > from && text[len - 1] != '\n')
		len--;
	return len > from ? len : 0;
}

/* One byte more than a line may have is read, as that could be its LF. */
static size_t
take_output(struct handler *h)
{
	struct buf *line = &h->line;
	size_t old = line->len, room = HANDLER_LINE + 1 - old, n, end;

	if (room > CHUNK)
		room = CHUNK;
	n = read_some(&h->out, buf_reserve(line, room), room);
	line->len += n;
	end = last_line_end(line->data, old, line->len);
	if (end > 0) {
		buf_add(&h->output, line->data, end);
		buf_consume(line, end);
	} else if (line->len > HANDLER_LINE) {
		buf_add(&h->output, line->data, HANDLER_LINE);
		buf_addc(&h->output, '\n');
		buf_consume(line, HANDLER_LINE);
	}
	return n;
}

static size_t
take_control(struct handler *h)
{
	char chunk[HANDLER_CONTROL];
	size_t n = read_some(&h->control, chunk, sizeof(chunk));

	handler_control_take(h, chunk, n);
	return n;
}

static void
keep_tail(struct handler *h, const char *text, size_t len)
{
	while (len > 0) {
		size_t at = h->tail_len % sizeof(h->tail);
		size_t n = sizeof(h->tail) - at;

		if (n > len)
			n = len;
		memcpy(h->tail + at, text, n);
		h->tail_len += n;
		text += n;
		len -= n;
	}
}

/*
 * Write what was read of stderr, whole lines only if there are any and not all
 * is asked for.  At most PIPE_BUF bytes at once and only when poll(2) says so:
 * that is whole in a pipe and does not block.  Returns whether it was taken; on
 * an error it was.
 */
static bool
pass_on(struct handler *h, bool all, int wait_ms)
{
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };
	size_t len = h->passing_len, lines, done = 0;
	bool gone = false;
	int n;

	lines = all ? 0 : last_line_end(h->passing, 0, len);
	if (lines > 0)
		len = lines;
	if (len == 0)
		return true;
	do
		n = poll(&pfd, 1, wait_ms);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		done = write_some(STDERR_FILENO, h->passing, len, &gone);
	if (gone)
		done = len;
	h->passing_len -= done;
	memmove(h->passing, h->passing + done, h->passing_len);
	return done == len;
}

static size_t
take_stderr(struct handler *h)
{
	char *into = h->passing + h->passing_len;
	size_t n =
		read_some(&h->err, into, sizeof(h->passing) - h->passing_len);

	keep_tail(h, into, n);
	h->passing_len += n;
	return n;
}

/*
 * Lines that are cut only because more was there than fits in one read are put
 * together again; half a line behind which nothing comes is not held back.
 */
static void
step_stderr(struct handler *h)
{
	int turn;

	h->stuck = h->stuck && !pass_on(h, true, 0);
	for (turn = 0; turn < STDERR_TURN && !h->stuck && h->err >= 0; turn++) {
		size_t room = sizeof(h->passing) - h->passing_len;
		bool more = take_stderr(h) == room && turn < STDERR_TURN - 1;

		h->stuck = !pass_on(h, !more, 0);
		if (!more)
			return;
	}
}

static void
want(struct pollfd *fds, size_t *count, int fd, short events)
{
	if (fd >= 0)
		fds[(*count)++] = (struct pollfd){ .fd = fd, .events = events };
}

/*
 * While ours takes nothing, the command's stderr is not read, and its POLLHUP,
 * which can't be switched off, would end every poll(2) at once.  It is polled
 * only to learn when the last writer goes, before that was seen.
 */
size_t
handler_poll(const struct handler *h, struct pollfd *fds)
{
	size_t count = 0;

	if (h->state != HANDLER_RUNNING)
		return 0;
	want(fds, &count, h->in,
	     h->open && handler_unsent(h) == 0 ? 0 : POLLOUT);
	if (h->output.len <= OUTPUT_MAX)
		want(fds, &count, h->out, POLLIN);
	if (h->stuck)
		want(fds, &count, STDERR_FILENO, POLLOUT);
	if (!h->stuck || h->held)
		want(fds, &count, h->err, h->stuck ? 0 : POLLIN);
	want(fds, &count, h->control, POLLIN);
	return count;
}

void
handler_step(struct handler *h, const struct pollfd *fds, size_t count)
{
	size_t i;

	if (h->state != HANDLER_RUNNING)
		return;
	for (i = 0; i < count; i++) {
		int fd = fds[i].fd;

		if (fds[i].revents == 0 || fd < 0)
			continue;
		if (fd == h->in && h->open && (fds[i].revents & POLLERR) != 0)
			close_input(h);
		else if (fd == h->in)
			step_input(h);
		else if (fd == h->out)
			take_output(h);
		else if (fd == h->control)
			take_control(h);
		else if (fd == h->err || (fd == STDERR_FILENO && h->stuck))
			step_stderr(h);
	}
}

/* Take what waits now with a function that reads some of it. */
static void
drain(struct handler *h, int fd, size_t (*take)(struct handler *h))
{
	size_t left = waiting(fd);

	while (left > 0) {
		size_t n = take(h);

		if (n == 0)
			return;
		left -= n < left ? n : left;
	}
}

/* Once our own stderr has taken nothing for a while, the rest is dropped. */
static void
drain_stderr(struct handler *h)
{
	size_t left = waiting(h->err), n;
	int wait_ms = STDERR_WAIT_MS;

	do {
		n = left > 0 && h->passing_len < sizeof(h->passing)
			    ? take_stderr(h)
			    : 0;
		left -= n < left ? n : left;
		if (!pass_on(h, n == 0 || left == 0, wait_ms)) {
			wait_ms = 0;
			h->passing_len = 0;
		}
	} while (n > 0 || (left > 0 && h->err >= 0));
}

void
handler_listen(struct handler *h)
{
	size_t size = sizeof(h->tail), at = h->tail_len % size;
	char text[HANDLER_STDERR];
	size_t skip = 0;

	if (h->tail_len <= size) {
		handler_put_text(h->said, sizeof(h->said), h->tail,
				 h->tail_len);
		return;
	}
	memcpy(text, h->tail + at, size - at);
	memcpy(text + size - at, h->tail, at);
	while (skip < 3 && (text[skip] & 0xc0) == 0x80)
		skip++;
	handler_put_text(h->said, sizeof(h->said), text + skip, size - skip);
}

void
handler_io_finish(struct handler *h)
{
	drain(h, h->out, take_output);
	drain(h, h->control, take_control);
	drain_stderr(h);
	if (h->line.len > 0) {
		buf_add(&h->output, h->line.data, h->line.len);
		buf_addc(&h->output, '\n');
	}
	empty(&h->line);
	handler_control_end(h);
	handler_listen(h);
	handler_io_close(h);
}
