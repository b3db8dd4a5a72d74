#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/line.h"
#include "common/mem.h"
#include "common/stop.h"

enum { CHUNK = 256 << 10 };

void
line_init(struct line_reader *in, int fd, const char *name, size_t max_bytes)
{
	*in = (struct line_reader){
		.fd = fd,
		.name = name,
		.max_bytes = max_bytes,
	};
}

void
line_release(struct line_reader *in)
{
	free(in->buf);
	in->buf = NULL;
	in->cap = in->start = in->end = in->searched = 0;
}

static int
wait_readable(int fd)
{
	struct pollfd pfd[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = stop_fd(), .events = POLLIN },
	};

	while (!stop_requested()) {
		if (poll(pfd, 2, -1) < 0 && errno != EINTR)
			return -1;
		if (pfd[0].revents != 0 && !stop_requested())
			return 1;
	}
	return 0;
}

/* Make room for a chunk: move what is left to the front, then grow. */
static void
make_room(struct line_reader *in)
{
	if (in->start != 0) {
		if (in->end != in->start)
			memmove(in->buf, in->buf + in->start,
				in->end - in->start);
		in->end -= in->start;
		in->searched -= in->start;
		in->start = 0;
	}
	if (in->end == in->cap) {
		size_t limit = mem_add(in->max_bytes, CHUNK);
		size_t cap = in->cap == 0 ? CHUNK : mem_mul(in->cap, 2);

		in->cap = cap < limit ? cap : limit;
		in->buf = xrealloc(in->buf, in->cap);
	}
}

/* Read once.  Returns 1 for more bytes or the end (at_end), 0 for a stop, -1.
 */
static int
fill(struct line_reader *in)
{
	ssize_t n;
	int rc;

	make_room(in);
	for (;;) {
		rc = in->wait != NULL ? in->wait(in->arg, in->fd)
				      : wait_readable(in->fd);
		if (rc <= 0)
			return rc;
		n = read(in->fd, in->buf + in->end, in->cap - in->end);
		if (n >= 0)
			break;
		if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)
			return -1;
	}
	if (n == 0)
		in->at_end = true;
	in->end += (size_t)n;
	return 1;
}

/* Look for the end of the line at start; NULL if it isn't in the buffer. */
static char *
find_newline(struct line_reader *in)
{
	char *hit = NULL;

	if (in->end != in->searched)
		hit = memchr(in->buf + in->searched, '\n',
			     in->end - in->searched);
	in->searched = hit != NULL ? (size_t)(hit - in->buf) : in->end;
	return hit;
}

/* Take the line that ends at `stop`, and step behind its newline if any. */
static void
take(struct line_reader *in, size_t stop, size_t newline)
{
	in->text = in->buf + in->start;
	in->len = stop - in->start;
	if (newline != 0 && in->len != 0 && in->text[in->len - 1] == '\r')
		in->len--;
	in->start = in->searched = stop + newline;
	in->number++;
	if (in->number == 1 && in->len >= 3 &&
	    memcmp(in->text, "\xef\xbb\xbf", 3) == 0) {
		in->text += 3;
		in->len -= 3;
	}
}

static bool
is_blank(const char *text, size_t len)
{
	while (len != 0 && (*text == ' ' || *text == '\t' || *text == '\r')) {
		text++;
		len--;
	}
	return len == 0;
}

static int
refuse_long(struct line_reader *in)
{
	errno = EMSGSIZE;
	if (in->len > in->max_bytes)
		in->len = in->max_bytes;
	return -1;
}

int
line_next(struct line_reader *in)
{
	for (;;) {
		char *newline = find_newline(in);
		int rc;

		if (newline != NULL && in->skipping) {
			in->start = ++in->searched;
			in->skipping = false;
		} else if (newline != NULL) {
			take(in, (size_t)(newline - in->buf), 1);
			if (in->len > in->max_bytes)
				return refuse_long(in);
			if (!is_blank(in->text, in->len))
				return 1;
		} else if (in->skipping) {
			in->start = in->end;
		} else if (in->end - in->start > in->max_bytes + 4) {
			take(in, in->end, 0); /* 4: a BOM and a CR */
			in->skipping = true;
			return refuse_long(in);
		}
		if (newline != NULL)
			continue;
		if (in->at_end) {
			if (in->start == in->end)
				return 0;
			take(in, in->end, 0);
			if (in->len > in->max_bytes)
				return refuse_long(in);
			if (!is_blank(in->text, in->len))
				return 1;
			return 0;
		}
		rc = fill(in);
		if (rc <= 0)
			return rc;
	}
}
