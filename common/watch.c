#include <errno.h>
#include <poll.h>
#include <string.h>

#include "common/conn.h"
#include "common/deadline.h"
#include "common/screen.h"
#include "common/stop.h"
#include "common/table.h"
#include "common/watch.h"
#include "common/watch_paint.h"
#include "common/when.h"

struct watch {
	const struct watch_options *o;
	struct sample *sample;
	struct screen screen;
	struct watch_page page;
	struct joblist jobs;
	struct buf text;
	int64_t shown_ms; /* survey.now_ms of what is shown */
	uint64_t taken;
	bool quit;
	int error; /* errno of painting */
};

static void
paint(struct watch *w)
{
	w->page.columns = w->screen.columns;
	w->page.rows = w->screen.rows;
	buf_clear(&w->text);
	watch_paint(&w->page, &w->text);
	if (screen_paint(&w->screen, w->text.data, w->text.len) < 0)
		w->error = errno;
}

static void
scroll(struct watch_page *p, size_t by, bool down)
{
	if (down)
		p->top += by; /* watch_paint() bounds it */
	else
		p->top = p->top > by ? p->top - by : 0;
}

static void
take_key(struct watch *w, int key)
{
	struct watch_page *p = &w->page;
	size_t room = watch_room(p);
	int order = watch_order_of(key);

	if (order >= 0) {
		p->order = (enum watch_order)order;
		p->reverse = false;
		p->top = 0;
		return;
	}
	switch (key) {
	case 'q':
		w->quit = true;
		break;
	case 'r':
		p->reverse = !p->reverse;
		break;
	case 'p':
		p->paused = !p->paused;
		break;
	case '?':
		p->help = !p->help;
		break;
	case 'j':
	case SCREEN_KEY_DOWN:
		scroll(p, 1, true);
		break;
	case 'k':
	case SCREEN_KEY_UP:
		scroll(p, 1, false);
		break;
	case ' ':
	case SCREEN_KEY_PAGE_DOWN:
		scroll(p, room, true);
		break;
	case SCREEN_KEY_PAGE_UP:
		scroll(p, room, false);
		break;
	case 'g':
	case SCREEN_KEY_HOME:
		p->top = 0;
		break;
	case 'G':
	case SCREEN_KEY_END:
		p->top = SIZE_MAX / 2;
		break;
	default:
		break;
	}
}

/* See to keys and to the terminal's size, and show what that changes. */
static void
attend(struct watch *w)
{
	int key;

	screen_measure(&w->screen);
	while (!w->quit && (key = screen_next_key()) != SCREEN_KEY_NONE)
		take_key(w, key);
	if (!w->quit)
		paint(w);
}

static bool
is_over(const struct watch *w)
{
	return w->quit || stop_requested() || w->error != 0 ||
	       screen_is_gone() || w->taken >= w->o->count ||
	       (w->o->deadline != INT64_MAX &&
		when_monotonic() >= w->o->deadline);
}

/* While a sample is under way.  Its rows may be new already, but not judged. */
static bool
heed(void *arg)
{
	struct watch *w = arg;

	if (w->sample->survey.now_ms == w->shown_ms)
		attend(w);
	else
		screen_measure(&w->screen);
	return !is_over(w);
}

static void
take(struct watch *w)
{
	struct conn *c = w->sample->conn;
	int rc;

	screen_listen(true);
	conn_set_heed(c, screen_wake_fd(), heed, w);
	rc = sample_take(w->sample);
	if (rc == 0 && w->o->jobs)
		rc = joblist_read(&w->jobs, c, &w->sample->survey, w->o->most);
	conn_set_heed(c, -1, NULL, NULL);
	screen_listen(false);
	if (w->quit || stop_requested())
		return;
	w->page.away = rc < 0 ? conn_error(c) : NULL;
	w->shown_ms = w->sample->survey.now_ms;
	w->taken++;
}

/* Attend to keys until it is time for the next sample. */
static void
rest(struct watch *w, int64_t next)
{
	int64_t until = next < w->o->deadline ? next : w->o->deadline;

	while (!is_over(w) && (w->page.paused || deadline_left(next) != 0)) {
		struct pollfd pfd[] = {
			{ .fd = screen_key_fd(), .events = POLLIN },
			{ .fd = screen_wake_fd(), .events = POLLIN },
			{ .fd = stop_fd(), .events = POLLIN },
		};
		int left =
			deadline_left(w->page.paused ? w->o->deadline : until);

		if (poll(pfd, 3, left) > 0)
			attend(w);
	}
}

static enum exit_status
status_of(const struct watch *w)
{
	if (w->quit)
		return EXIT_OK;
	if (w->error != 0 || screen_is_gone()) {
		fault("the terminal: %s",
		      w->error != 0 ? strerror(w->error) : "it is gone");
		return EXIT_OUTPUT;
	}
	if (w->o->count != UINT64_MAX && w->taken < w->o->count)
		return EXIT_NO;
	if (w->page.away != NULL) {
		fault("%s", w->page.away);
		return EXIT_SERVER;
	}
	return EXIT_OK;
}

enum exit_status
watch_run(struct sample *sample, const struct watch_options *options)
{
	struct watch w = { .o = options, .sample = sample };
	int64_t next = when_monotonic();
	enum exit_status status;
	const char *why = screen_open(&w.screen);

	if (why != NULL) {
		fault("--watch: %s", why);
		return EXIT_USAGE;
	}
	w.page = (struct watch_page){
		.sample = sample,
		.jobs = options->jobs ? &w.jobs : NULL,
		.server = conn_name(sample->conn),
		.colour = table_colour(),
	};
	attend(&w);
	while (!is_over(&w)) {
		take(&w);
		if (w.quit || stop_requested())
			break;
		attend(&w);
		next += options->interval_ms;
		if (next < when_monotonic()) /* a sample took longer */
			next = when_monotonic();
		rest(&w, next);
	}
	screen_close(&w.screen);
	status = status_of(&w);
	joblist_release(&w.jobs);
	watch_page_release(&w.page);
	buf_release(&w.text);
	return status;
}
