#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/file.h"

int
file_read_fd(int fd, size_t max_bytes, struct buf *text)
{
	enum { PART = 16384 };
	size_t before = text->len;

	while (text->len - before <= max_bytes) {
		ssize_t n = read(fd, buf_reserve(text, PART), PART);

		if (n == 0)
			return 0;
		if (n > 0)
			text->len += (size_t)n;
		else if (errno != EINTR)
			return -1;
	}
	errno = EFBIG;
	return -1;
}

static int
write_all(int fd, const char *text, size_t len)
{
	while (len != 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd);
}

/* What a run with this process id has left there, or a stranger's link, must
 * not be written through. */
static int
create(const char *path)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return -1;
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

int
file_replace(const char *path, const char *text, size_t len)
{
	struct buf temporary = { 0 };
	int fd, rc, why;

	buf_addf(&temporary, "%s.%ld", path, (long)getpid());
	fd = create(buf_text(&temporary));
	rc = fd < 0 ? -1 : write_all(fd, text, len);
	why = errno;
	if (fd >= 0 && close(fd) < 0 && rc == 0) {
		rc = -1;
		why = errno;
	}
	if (rc == 0 && rename(temporary.data, path) < 0) {
		rc = -1;
		why = errno;
	}
	if (rc < 0 && fd >= 0)
		unlink(temporary.data);
	buf_release(&temporary);
	errno = why;
	return rc;
}
