#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/text.h"

static struct {
	const char *program;
	int level;
	bool json;
	int failure;
} diag = { "ev", DIAG_NORMAL, false, -1 };

void
diag_init(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			_exit(EXIT_OUTPUT);
	diag.program = slash != NULL ? slash + 1 : argv0;
}

const char *
diag_program(void)
{
	return diag.program;
}

void
diag_set_level(int level)
{
	diag.level = level;
}

bool
diag_says(enum diag_level level)
{
	return (int)level <= diag.level;
}

void
diag_set_json(bool json)
{
	diag.json = json;
}

void
diag_set_failure(int status)
{
	diag.failure = status;
}

/* Append to a line of fixed size what fits, escaped for its format. */
struct line {
	char text[DIAG_MAX * 2];
	size_t len;
};

static void
add(struct line *line, const char *text, size_t len)
{
	size_t room = sizeof(line->text) - 8 - line->len;

	if (len > room)
		len = room;
	memcpy(line->text + line->len, text, len);
	line->len += len;
}

static void
add_escaped(struct line *line, const char *text, bool json)
{
	size_t left = strlen(text);

	while (left != 0 && line->len < sizeof(line->text) - 16) {
		size_t valid = text_utf8_prefix(text, left < 4 ? left : 4);
		size_t run = text_utf8_len(text, valid);
		char escape[6];

		if (run == 0) {
			add(line, "?", 1);
			run = 1;
		} else if (json) {
			add(line, escape, text_json_escape(escape, text, run));
		} else if (text_is_control(text, run)) {
			add(line, "?", 1);
		} else {
			add(line, text, run);
		}
		text += run;
		left -= run;
	}
}

static void
add_json_head(struct line *line, const char *level)
{
	struct timespec now;
	struct tm tm;
	char head[128];
	int len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = snprintf(head, sizeof(head),
		       "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ\","
		       "\"level\":\"%s\",\"program\":\"",
		       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		       tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000, level);
	add(line, head, len > 0 ? (size_t)len : 0);
}

/* One write(2) for a whole line, so that programs in a pipe don't mix. */
static void __attribute__((format(printf, 2, 0)))
say(const char *level, const char *fmt, va_list args)
{
	struct line line = { .len = 0 };
	char message[DIAG_MAX];
	size_t done = 0;

	vsnprintf(message, sizeof(message), fmt, args);
	if (diag.json) {
		add_json_head(&line, level);
		add_escaped(&line, diag.program, true);
		add(&line, "\",\"message\":\"", 13);
		add_escaped(&line, message, true);
		add(&line, "\"}", 2);
	} else {
		add_escaped(&line, diag.program, false);
		add(&line, ": ", 2);
		add_escaped(&line, message, false);
	}
	line.text[line.len++] = '\n';
	while (done < line.len) {
		ssize_t n =
			write(STDERR_FILENO, line.text + done, line.len - done);

		if (n < 0 && errno != EINTR)
			return; /* there is nowhere left to say so */
		if (n > 0)
			done += (size_t)n;
	}
}

void
die(enum exit_status status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("error", fmt, args);
	va_end(args);
	exit(diag.failure >= 0 ? diag.failure : (int)status);
}

void
fault(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("error", fmt, args);
	va_end(args);
}

void
warn(const char *fmt, ...)
{
	va_list args;

	if (!diag_says(DIAG_NORMAL))
		return;
	va_start(args, fmt);
	say("warning", fmt, args);
	va_end(args);
}

void
info(const char *fmt, ...)
{
	va_list args;

	if (!diag_says(DIAG_INFO))
		return;
	va_start(args, fmt);
	say("info", fmt, args);
	va_end(args);
}

void
debug(const char *fmt, ...)
{
	va_list args;

	if (!diag_says(DIAG_DEBUG))
		return;
	va_start(args, fmt);
	say("debug", fmt, args);
	va_end(args);
}
