#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/archive.h"
#include "common/mem.h"

enum { BEGIN_BYTES = 4 << 20 };

/* What each line begins with. */
static const char start[] = "{\"stream\":";

static int
fail(struct archive *a, const char *why)
{
	snprintf(a->error, sizeof(a->error), "%.400s: %s", a->path, why);
	return -1;
}

/* A new file is there after a crash only if its directory was synced. */
static int
sync_directory(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);

	/* Not all file systems can do that to a directory. */
	if (rc < 0 && fd >= 0 && errno == EINVAL)
		rc = 0;
	if (fd >= 0)
		close(fd);
	free(copy);
	return rc;
}

/*
 * The file's bytes, all of them; NULL with errno set.  Nobody else shortens the
 * file as long as we hold the lock, or reading would be a SIGBUS.
 */
static char *
map(const struct archive *a, size_t len)
{
	void *at = mmap(NULL, len, PROT_READ, MAP_SHARED, a->out.fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* Whether what is at hand begins as a line does, as far as it goes. */
static bool
begins(const char *text, size_t len)
{
	return memcmp(text, start,
		      len < sizeof(start) - 1 ? len : sizeof(start) - 1) == 0;
}

/* Where the last whole line ends.  -1 if what follows is not ours to cut. */
static off_t
find_end(const char *text, size_t len)
{
	const char *lf = memrchr(text, '\n', len);
	size_t end = lf != NULL ? (size_t)(lf - text) + 1 : 0;

	/* NULs are of a power cut: the length was stored, the bytes not. */
	if (end < len && text[end] != '\0' && !begins(text + end, len - end))
		return -1;
	return (off_t)end;
}

static int
check_bytes(struct archive *a, off_t size)
{
	char *text = map(a, (size_t)size);
	off_t end;

	if (text == NULL)
		return fail(a, strerror(errno));
	end = find_end(text, (size_t)size);
	if (end != 0 && !begins(text, (size_t)size))
		end = -1;
	munmap(text, (size_t)size);
	if (end < 0)
		return fail(a, "this is not an archive: it has lines that are "
			       "no records");
	if (end < size && ftruncate(a->out.fd, end) < 0)
		return fail(a, strerror(errno));
	a->synced = end;
	return 0;
}

static int
check_file(struct archive *a)
{
	struct stat st;

	if (fstat(a->out.fd, &st) < 0)
		return fail(a, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(a, "not a regular file: it can't be synced");
	if (flock(a->out.fd, LOCK_EX | LOCK_NB) < 0)
		return fail(a, errno == EWOULDBLOCK ? "another run archives "
						      "there"
						    : strerror(errno));
	/* Again: it may have grown until we had the lock. */
	if (fstat(a->out.fd, &st) < 0)
		return fail(a, strerror(errno));
	return st.st_size == 0 ? 0 : check_bytes(a, st.st_size);
}

int
archive_open(struct archive *a, const char *path)
{
	/* Not blocking, should it be a named pipe. */
	int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, fd;

	*a = (struct archive){ .path = path };
	fd = open(path, flags);
	if (fd < 0 && errno == ENOENT) {
		fd = open(path, flags | O_CREAT, 0666);
		if (fd >= 0 && sync_directory(path) < 0) {
			fail(a, strerror(errno));
			close(fd);
			return -1;
		}
	}
	if (fd < 0)
		return fail(a, strerror(errno));
	out_init(&a->out, fd, path);
	a->out.terminal = false;
	if (check_file(a) == 0)
		return 0;
	close(fd);
	return -1;
}

/* What the lines of a stream begin with, up to the id. */
static void
put_prefix(struct buf *b, const char *stream)
{
	const struct record r = { .stream = stream,
				  .id = ID_MAX, /* any but 0-0, which is none */
				  .body = RECORD_NONE };
	static const char id[] = ",\"id\":\"";
	const char *at;

	record_put(&r, b);
	buf_text(b);
	/* A name can't hold that: its quotes would be escaped. */
	at = strstr(b->data, id);
	b->len = (size_t)(at - b->data) + sizeof(id) - 1;
}

/* The id of a line, if it is the stream's. */
static bool
take_id(const char *line, size_t len, const struct buf *prefix, struct id *id)
{
	const char *text = line + prefix->len, *quote;

	if (len < prefix->len || memcmp(line, prefix->data, prefix->len) != 0)
		return false;
	quote = memchr(text, '"', len - prefix->len);
	return quote != NULL &&
	       id_parse(text, (size_t)(quote - text), 0, id) == 0;
}

/* 1: the entry's line is there.  `last` is the first id that is met. */
static int
search(const char *text, size_t len, const struct buf *prefix, struct id first,
       struct id *last)
{
	bool any = false;

	while (len != 0) {
		const char *lf = memrchr(text, '\n', len - 1);
		size_t at = lf != NULL ? (size_t)(lf - text) + 1 : 0;
		struct id id;

		if (take_id(text + at, len - at, prefix, &id)) {
			if (!any)
				*last = id;
			any = true;
			if (id_compare(id, first) <= 0)
				return id_compare(id, first) == 0;
		}
		len = at;
	}
	return 0;
}

int
archive_find(struct archive *a, const char *stream, struct id first,
	     struct id *last)
{
	struct buf prefix = { 0 };
	char *text;
	int rc;

	*last = ID_MIN;
	if (a->synced == 0)
		return 0;
	text = map(a, (size_t)a->synced);
	if (text == NULL)
		return fail(a, strerror(errno));
	put_prefix(&prefix, stream);
	rc = search(text, (size_t)a->synced, &prefix, first, last);
	munmap(text, (size_t)a->synced);
	buf_release(&prefix);
	return rc;
}

/* What is not on the disk has no place in the file. */
static int
fail_write(struct archive *a, int error)
{
	buf_clear(&a->out.buf);
	if (ftruncate(a->out.fd, a->synced) < 0) {
		/* The next run cuts a half line; whole ones do no harm. */
	}
	return fail(a, strerror(error));
}

int
archive_add(struct archive *a, const struct record *r)
{
	a->since_sync += r->event.len;
	return record_print(r, &a->out, true) < 0 ? fail_write(a, a->out.error)
						  : 0;
}

int
archive_sync(struct archive *a)
{
	struct stat st;

	if (out_flush(&a->out) < 0)
		return fail_write(a, a->out.error);
	if (fsync(a->out.fd) < 0 || fstat(a->out.fd, &st) < 0)
		return fail_write(a, errno);
	a->synced = st.st_size;
	a->since_sync = a->begun = 0;
	return 0;
}

void
archive_close(struct archive *a)
{
	if (a->path == NULL)
		return;
	buf_release(&a->out.buf);
	close(a->out.fd);
	*a = (struct archive){ 0 };
}
