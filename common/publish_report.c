#include "common/diag.h"
#include "common/publish_state.h"

uint64_t
publish_confirmed(const struct publish *p)
{
	return p->confirmed;
}

uint64_t
publish_duplicates(const struct publish *p)
{
	return p->duplicates;
}

const char *
publish_error(const struct publish *p)
{
	return p->error;
}

static void
say(const struct route *r, const char *what, const struct lines *l)
{
	if (l->count != 0)
		fault("%s: %s: lines %llu-%llu (%llu events)", r->name.data,
		      what, (unsigned long long)l->first,
		      (unsigned long long)l->last,
		      (unsigned long long)l->count);
}

/* What became of the lines that went to a stream. */
static void
report_route(const struct publish *p, size_t to, uint64_t reached)
{
	const struct route *r = &p->route[to];
	struct lines unknown = r->unseen, unsent = { 0 }, under = { 0 };
	struct lines refused = r->refused;
	uint64_t i;

	for (i = p->head; i < p->tail; i++) {
		const struct item *it = publish_item(p, i);

		if (it->to != to)
			continue;
		if (it->state == STATE_STORED)
			publish_count_line(&under, it->line);
		else if (it->state == STATE_REFUSED)
			publish_count_line(&refused, it->line);
		else if (it->state == STATE_SENT)
			publish_count_line(it->end <= reached ? &unknown
							      : &unsent,
					   it->line);
	}
	say(r, "confirmed", &r->confirmed);
	say(r, "stored, durability unknown", &under);
	say(r, "refused", &refused);
	say(r, "unknown", &unknown);
	say(r, "not sent", &unsent);
}

void
publish_report(const struct publish *p, uint64_t next_line)
{
	uint64_t reached = p->appended - conn_unsent(p->conn);
	size_t i;

	fault("%s: cannot add: %s", p->blamed, p->error);
	for (i = 0; i < p->routes; i++)
		report_route(p, i, reached);
	fault("%s: not sent: lines from %llu on", p->o->stream,
	      (unsigned long long)next_line);
}
