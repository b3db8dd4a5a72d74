#include <stdio.h>

#include "common/transaction.h"

static void
refuse_with_others(struct transaction *t, uint64_t line, const char *text,
		   size_t len)
{
	char why[80];

	snprintf(why, sizeof(why),
		 "not stored: line %llu, of the same transaction, was refused",
		 (unsigned long long)t->spoilt);
	intake_refuse(t->in, why, line, text, len);
}

bool
transaction_refuses(struct transaction *t, bool usable)
{
	struct intake *in = t->in;

	if (t->lines == 0)
		t->began = in->number;
	if (!usable || t->spoilt == 0)
		return false;
	refuse_with_others(t, in->number, in->event.text, in->event.len);
	return true;
}

void
transaction_undone(struct transaction *t, const struct publish_event *e)
{
	if (t->spoilt != 0)
		refuse_with_others(t, e->line, e->text, e->len);
}

int
transaction_spoil(struct transaction *t)
{
	if (t->size == 0 || t->spoilt != 0)
		return 0;
	t->spoilt = t->in->number;
	if (publish_commit(t->publish, true) < 0)
		return -1;
	return publish_drain(t->publish);
}

static int
finish(struct transaction *t, bool undo)
{
	t->lines = 0;
	t->spoilt = 0;
	return publish_commit(t->publish, undo);
}

int
transaction_count(struct transaction *t)
{
	if (t->size == 0 || ++t->lines < t->size)
		return 0;
	return finish(t, false);
}

int
transaction_end(struct transaction *t, bool whole, uint64_t *unsent)
{
	bool undo = !whole && t->spoilt == 0;

	if (t->lines == 0)
		return 0;
	if (undo)
		*unsent = t->began;
	return finish(t, undo);
}
