#include <stdio.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/progress.h"
#include "common/when.h"

enum { EVERY_MS = 250 };

void
progress_init(struct progress *p)
{
	*p = (struct progress){
		.on = isatty(STDERR_FILENO) == 1 &&
		      isatty(STDOUT_FILENO) != 1 && diag_says(DIAG_NORMAL),
		.started = when_monotonic(),
	};
	p->next = p->started + EVERY_MS;
}

void
progress_show(struct progress *p, uint64_t count)
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
}

void
progress_clear(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
