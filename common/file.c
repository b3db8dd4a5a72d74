#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
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
	return 0;
}

/* A device must not be renamed over. */
static int
check_place(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : -1;
	if (S_ISREG(st.st_mode))
		return 0;
	errno = S_ISDIR(st.st_mode) ? EISDIR : ENOTSUP;
	return -1;
}

/* What a run with this process id has left there, or a stranger's link, must
 * not be written through. */
int
file_begin(struct file_new *f, const char *path)
{
	*f = (struct file_new){ .path = path, .fd = -1 };
	if (check_place(path) < 0)
		return -1;
	buf_addf(&f->temporary, "%s.%ld", path, (long)getpid());
	if (unlink(buf_text(&f->temporary)) == 0 || errno == ENOENT)
		f->fd = open(f->temporary.data,
			     O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (f->fd >= 0)
		return 0;
	buf_release(&f->temporary);
	return -1;
}

void
file_abort(struct file_new *f)
{
	int why = errno;

	if (f->fd >= 0)
		close(f->fd);
	unlink(f->temporary.data);
	buf_release(&f->temporary);
	f->fd = -1;
	errno = why;
}

int
file_commit(struct file_new *f)
{
	int rc = fsync(f->fd);

	if (rc == 0) {
		rc = close(f->fd);
		f->fd = -1;
	}
	if (rc == 0)
		rc = rename(f->temporary.data, f->path);
	if (rc < 0)
		file_abort(f);
	else
		buf_release(&f->temporary);
	return rc;
}

int
file_replace(const char *path, const char *text, size_t len)
{
	struct file_new f;

	if (file_begin(&f, path) < 0)
		return -1;
	if (write_all(f.fd, text, len) == 0)
		return file_commit(&f);
	file_abort(&f);
	return -1;
}
