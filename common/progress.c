#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"
#include "common/progress.h"
#include "common/when.h"

enum {
	EVERY_MS = 250,
	BAR = 20,
	MOST_MS = 1000000000 /* no more is foretold: 11 days */
};

static void
start(struct progress *p, bool on)
{
	*p = (struct progress){
		.on = on && isatty(STDERR_FILENO) == 1 &&
		      diag_says(DIAG_NORMAL),
		.started = when_monotonic(),
	};
	p->next = p->started + EVERY_MS;
}

void
progress_init(struct progress *p)
{
	start(p, isatty(STDOUT_FILENO) != 1);
}

void
progress_init_alone(struct progress *p)
{
	start(p, true);
}

bool
progress_is_due(const struct progress *p)
{
	return p->on && when_monotonic() >= p->next;
}

/* [=====>     ]  47%, 1m2s left */
static void
show_bar(const struct progress *p, uint64_t done, uint64_t total)
{
	char bar[BAR + 1], left[NUM_DURATION_TEXT];
	double part = done < total ? (double)done / (double)total : 1.0;
	double ms = (double)(p->next - EVERY_MS - p->started);
	size_t full = (size_t)(part * BAR);

	memset(bar, ' ', BAR);
	memset(bar, '=', full);
	if (full < BAR)
		bar[full] = '>';
	bar[BAR] = '\0';
	fprintf(stderr, " [%s] %3d%%", bar, (int)(part * 100));
	if (part <= 0 || ms / part > MOST_MS)
		return;
	ms = ms / part - ms;
	fprintf(stderr, ", %s left",
		num_put_duration(left, (int64_t)ms / 1000 * 1000));
}

void
progress_part(struct progress *p, uint64_t count, uint64_t done, uint64_t total)
{
	int64_t now;

	if (!p->on || (now = when_monotonic()) < p->next)
		return;
	p->next = now + EVERY_MS;
	p->shown = true;
	fprintf(stderr, "\r\033[K%s: %llu events, %llu/s", diag_program(),
		(unsigned long long)count,
		(unsigned long long)(count * 1000 /
				     (uint64_t)(now - p->started + 1)));
	if (total != 0)
		show_bar(p, done, total);
}

void
progress_show(struct progress *p, uint64_t count)
{
	progress_part(p, count, 0, 0);
}

void
progress_clear(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
