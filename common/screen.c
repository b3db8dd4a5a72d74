#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <termios.h>
#include <unistd.h>

#include "common/screen.h"
#include "common/text.h"

enum {
	KEYS_MAX = 256,
	LISTEN_MS = 50, /* how often keys are looked for while blocked */
	SAID_MAX = 4096 /* bytes that are passed on at once */
};

/* Alternate screen, no cursor, no wrapping; and back. */
static const char enter_text[] = "\033[?1049h\033[?25l\033[?7l\033[H\033[2J";
static const char leave_text[] = "\033[0m\033[?7h\033[?25h\033[?1049l";

/* What handlers of signals need, and only that. */
static struct {
	volatile sig_atomic_t open, shown, over;
	volatile sig_atomic_t filling, gone;
	struct termios before;
	int wake[2];
	int said[2], standard_error; /* -1: standard error is left alone */
	char key[KEYS_MAX];
	volatile sig_atomic_t keys;
} tty = { .wake = { -1, -1 }, .said = { -1, -1 }, .standard_error = -1 };

/* Signals that end the program, and what they did before. */
static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV,
			    SIGBUS, SIGFPE,  SIGILL, SIGABRT };
enum { ENDS = sizeof(ends) / sizeof(ends[0]) };
static struct sigaction before[ENDS];

/*
 * In handlers of signals
 */

static void
write_all(int fd, const char *text, size_t len)
{
	while (len != 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

static void
wake(void)
{
	if (write(tty.wake[1], "", 1) < 0)
		return; /* full: it is readable already */
}

/* A process in the background leaves the terminal to whom it belongs. */
static bool
is_ours(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void
show(void)
{
	struct termios raw = tty.before;

	if (tty.shown || tty.over || !is_ours())
		return;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tty.shown = 1;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	write_all(STDOUT_FILENO, enter_text, sizeof(enter_text) - 1);
}

static void
hide(void)
{
	if (!tty.shown)
		return;
	tty.shown = 0;
	if (!is_ours())
		return;
	write_all(STDOUT_FILENO, leave_text, sizeof(leave_text) - 1);
	tcsetattr(STDIN_FILENO, TCSANOW, &tty.before);
}

static void
say_what_was_kept(void)
{
	char text[SAID_MAX];
	ssize_t n;

	if (tty.standard_error < 0)
		return;
	dup2(tty.standard_error, STDERR_FILENO);
	while ((n = read(tty.said[0], text, sizeof(text))) > 0)
		write_all(STDERR_FILENO, text, (size_t)n);
	tty.standard_error = -1;
}

void
screen_restore(void)
{
	int saved = errno;

	if (!tty.open)
		return;
	tty.over = 1;
	hide();
	say_what_was_kept();
	errno = saved;
}

/* Whose turn it was before ends the program, once this has returned. */
static void
on_end(int sig)
{
	size_t i;

	screen_restore();
	wake();
	for (i = 0; i < ENDS; i++)
		if (ends[i] == sig)
			sigaction(sig, &before[i], NULL);
	raise(sig);
}

static void
handle(int sig, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigemptyset(&action.sa_mask);
	sigaction(sig, &action, NULL);
}

/* Stop by the signal itself, so that the shell sees what it expects; on_cont()
 * goes on. */
static void
on_stop(int sig)
{
	int saved = errno;
	sigset_t set;

	hide();
	handle(sig, SIG_DFL);
	raise(sig);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	errno = saved;
}

static void
on_cont(int sig)
{
	int saved = errno;

	(void)sig;
	handle(SIGTSTP, on_stop);
	tty.shown = 0; /* a shell may have changed anything */
	show();
	wake();
	errno = saved;
}

static void
on_resize(int sig)
{
	int saved = errno;

	(void)sig;
	wake();
	errno = saved;
}

/* Take the bytes that are at hand.  Also in a handler, which may interrupt the
 * same. */
static void
fill(void)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n;

	if (tty.filling || !tty.shown || tty.gone)
		return;
	tty.filling = 1;
	if (tty.keys == KEYS_MAX)
		tty.keys = 0; /* nobody has looked at them for long */
	if (is_ours() && poll(&pfd, 1, 0) > 0) {
		n = read(STDIN_FILENO, tty.key + tty.keys,
			 (size_t)(KEYS_MAX - tty.keys));
		if (n > 0)
			tty.keys += (int)n;
		else if (n == 0 || errno != EINTR)
			tty.gone = 1;
	}
	tty.filling = 0;
}

static void
on_tick(int sig)
{
	int saved = errno;

	(void)sig;
	fill();
	if (!tty.filling && memchr(tty.key, 'q', (size_t)tty.keys) != NULL) {
		screen_restore();
		_exit(0);
	}
	if (tty.keys != 0 || tty.gone)
		wake();
	errno = saved;
}

/*
 * Opening and closing
 */

static bool
make_pipe(int fd[2])
{
	int i;

	if (pipe(fd) < 0)
		return false;
	for (i = 0; i < 2; i++) {
		fcntl(fd[i], F_SETFD, FD_CLOEXEC);
		fcntl(fd[i], F_SETFL, O_NONBLOCK);
	}
	return true;
}

static void
keep_standard_error(void)
{
	if (isatty(STDERR_FILENO) != 1 || !make_pipe(tty.said))
		return;
	tty.standard_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (tty.standard_error >= 0)
		dup2(tty.said[1], STDERR_FILENO);
}

static void
take_signals(void)
{
	size_t i;

	for (i = 0; i < ENDS; i++) {
		sigaction(ends[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			handle(ends[i], on_end);
	}
	handle(SIGTSTP, on_stop);
	handle(SIGCONT, on_cont);
	handle(SIGWINCH, on_resize);
}

static const char *
locale(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *text = getenv(names[i]);

		if (text != NULL && *text != '\0')
			return text;
	}
	return "";
}

bool
screen_is_utf8(const char *name)
{
	const char *set = strchr(name, '.');

	return set != NULL && (strncasecmp(set, ".utf-8", 6) == 0 ||
			       strncasecmp(set, ".utf8", 5) == 0);
}

const char *
screen_open(struct screen *s)
{
	const char *term = getenv("TERM");

	*s = (struct screen){ .utf8 = screen_is_utf8(locale()) };
	if (isatty(STDOUT_FILENO) != 1)
		return "standard output is not a terminal";
	if (tcgetattr(STDIN_FILENO, &tty.before) < 0)
		return "standard input is not a terminal";
	if (term == NULL || *term == '\0' || strcmp(term, "dumb") == 0)
		return "the terminal, by TERM, can't move its cursor";
	if (tty.wake[0] < 0 && !make_pipe(tty.wake))
		return "cannot make a pipe";
	if (!tty.open)
		atexit(screen_restore);
	tty.open = 1;
	tty.over = 0;
	keep_standard_error();
	take_signals();
	show();
	screen_measure(s);
	return NULL;
}

void
screen_close(struct screen *s)
{
	screen_restore();
	buf_release(&s->frame);
}

/*
 * Keys
 */

int
screen_key_fd(void)
{
	return tty.shown && !tty.gone && is_ours() ? STDIN_FILENO : -1;
}

int
screen_wake_fd(void)
{
	return tty.wake[0];
}

bool
screen_is_gone(void)
{
	return tty.gone != 0;
}

/* ESC [ or ESC O, digits and ;, one letter or ~. */
static int
parse_escape(const char *bytes, size_t len, size_t *taken)
{
	static const struct {
		const char *text;
		int key;
	} known[] = {
		{ "A", SCREEN_KEY_UP },       { "B", SCREEN_KEY_DOWN },
		{ "H", SCREEN_KEY_HOME },     { "F", SCREEN_KEY_END },
		{ "1~", SCREEN_KEY_HOME },    { "4~", SCREEN_KEY_END },
		{ "5~", SCREEN_KEY_PAGE_UP }, { "6~", SCREEN_KEY_PAGE_DOWN },
		{ "7~", SCREEN_KEY_HOME },    { "8~", SCREEN_KEY_END },
	};
	size_t end = 2, i;

	while (end < len && strchr("0123456789;", bytes[end]) != NULL)
		end++;
	*taken = end < len ? end + 1 : len;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].text) == *taken - 2 &&
		    memcmp(known[i].text, bytes + 2, *taken - 2) == 0)
			return known[i].key;
	return SCREEN_KEY_NONE;
}

int
screen_parse_key(const char *bytes, size_t len, size_t *taken)
{
	*taken = len != 0;
	if (len == 0)
		return SCREEN_KEY_NONE;
	if (*bytes == '\033' && len > 2 && (bytes[1] == '[' || bytes[1] == 'O'))
		return parse_escape(bytes, len, taken);
	return (unsigned char)*bytes;
}

int
screen_next_key(void)
{
	int key = SCREEN_KEY_NONE;

	fill();
	tty.filling = 1;
	while (tty.keys != 0 && key == SCREEN_KEY_NONE) {
		size_t taken;

		key = screen_parse_key(tty.key, (size_t)tty.keys, &taken);
		tty.keys -= (int)taken;
		memmove(tty.key, tty.key + taken, (size_t)tty.keys);
	}
	tty.filling = 0;
	return key;
}

void
screen_listen(bool on)
{
	struct itimerval timer = {
		.it_interval = { .tv_usec = on ? LISTEN_MS * 1000 : 0 },
	};

	timer.it_value = timer.it_interval;
	if (on)
		handle(SIGALRM, on_tick);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/*
 * Painting
 */

void
screen_measure(struct screen *s)
{
	struct winsize size;
	char bytes[64];

	while (read(tty.wake[0], bytes, sizeof(bytes)) > 0)
		;
	s->columns = 80;
	s->rows = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	if (size.ws_col != 0)
		s->columns = size.ws_col;
	if (size.ws_row != 0)
		s->rows = size.ws_row;
}

/* What stands for a character where there is only ASCII. */
static char
plain(const char *text, size_t len)
{
	static const struct {
		const char *text;
		char plain;
	} known[] = {
		{ "…", '~' }, { "≥", '>' }, { "·", '.' }, { "▁", '_' },
		{ "▂", '.' }, { "▃", '-' }, { "▄", '=' }, { "▅", '+' },
		{ "▆", '*' }, { "▇", '%' }, { "█", '#' },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].text) == len &&
		    memcmp(known[i].text, text, len) == 0)
			return known[i].plain;
	return '?';
}

/* One line, of which at most `columns` characters are shown.  Texts are of
 * tables: no controls but SGR, wide characters are rare and the terminal cuts
 * them. */
static void
put_line(const struct screen *s, const char *text, size_t len, struct buf *out)
{
	size_t shown = 0;

	while (len != 0) {
		size_t n = text_utf8_len(text, len);

		if (n == 0)
			n = 1;
		if (*text == '\033') {
			const char *end = memchr(text, 'm', len);

			n = end != NULL ? (size_t)(end - text) + 1 : len;
			buf_add(out, text, n);
		} else if (shown < s->columns) {
			if (n == 1 || s->utf8)
				buf_add(out, text, n);
			else
				buf_addc(out, plain(text, n));
			shown++;
		}
		text += n;
		len -= n;
	}
	buf_adds(out, "\033[0m");
	if (shown < s->columns)
		buf_adds(out, "\033[K");
}

/* Nothing is erased before it is painted over, so nothing flickers; terminals
 * that know 2026 show all of it at once. */
void
screen_put(const struct screen *s, const char *text, size_t len,
	   struct buf *out)
{
	size_t row;

	buf_adds(out, "\033[?2026h\033[H");
	for (row = 0; row < s->rows && len != 0; row++) {
		const char *end = memchr(text, '\n', len);
		size_t n = end != NULL ? (size_t)(end - text) : len;

		if (row != 0)
			buf_adds(out, "\r\n");
		put_line(s, text, n, out);
		n += end != NULL;
		text += n;
		len -= n;
	}
	if (row < s->rows)
		buf_adds(out, row == 0 ? "\033[J" : "\r\n\033[J");
	buf_adds(out, "\033[?2026l");
}

int
screen_paint(struct screen *s, const char *text, size_t len)
{
	size_t done = 0;

	if (!tty.shown)
		show(); /* it may be in the foreground again */
	if (!tty.shown)
		return 0;
	buf_clear(&s->frame);
	screen_put(s, text, len, &s->frame);
	while (done < s->frame.len && tty.shown) {
		ssize_t n = write(STDOUT_FILENO, s->frame.data + done,
				  s->frame.len - done);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}
