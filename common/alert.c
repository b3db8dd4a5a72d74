#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/alert.h"
#include "common/mem.h"
#include "common/text.h"
#include "common/when.h"

/* What an alert is about. */
struct key {
	const char *stream, *group;
	int metric;
};

static int
compare_names(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int
compare(const struct key *key, const struct alert *alert)
{
	int d = compare_names(key->stream, alert->stream);

	if (d == 0)
		d = compare_names(key->group, alert->group);
	return d != 0 ? d : key->metric - alert->metric;
}

/* Where the alert is, or where it would be. */
static size_t
find(const struct alerts *a, const struct key *key, bool *found)
{
	size_t low = 0, high = a->count;

	*found = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int d = compare(key, &a->alert[mid]);

		if (d == 0) {
			*found = true;
			return mid;
		}
		if (d < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static char *
copy(const char *name)
{
	return name != NULL ? xstrdup(name) : NULL;
}

/* The alert of this key; a new one if `make`, else NULL if there is none. */
static struct alert *
get(struct alerts *a, const struct key *key, bool make)
{
	bool found;
	size_t i = find(a, key, &found);
	struct alert *alert;

	if (!found && !make)
		return NULL;
	if (!found) {
		a->cap = mem_grow(a->cap, a->count + 1);
		a->alert = xreallocarray(a->alert, a->cap, sizeof(*a->alert));
		memmove(&a->alert[i + 1], &a->alert[i],
			(a->count - i) * sizeof(*a->alert));
		a->count++;
		a->alert[i] = (struct alert){
			.stream = copy(key->stream),
			.group = copy(key->group),
			.metric = key->metric,
		};
	}
	alert = &a->alert[i];
	alert->seen = true;
	return alert;
}

static void
drop(struct alert *alert)
{
	free(alert->stream);
	free(alert->group);
}

/* Count the sample for each level: what is critical is a warning too. */
static void
count(struct alert *alert, enum rules_severity now, int64_t now_ms)
{
	int level;

	if (now >= RULES_WARNING && alert->above[RULES_WARNING] == 0 &&
	    alert->severity == RULES_OK)
		alert->since_ms = now_ms;
	for (level = RULES_WARNING; level <= RULES_CRITICAL; level++) {
		if ((int)now >= level) {
			alert->above[level]++;
			alert->below[level] = 0;
		} else {
			alert->above[level] = 0;
			alert->below[level]++;
		}
	}
}

static void
set_text(struct alert *alert, const char *text, size_t len)
{
	if (len >= sizeof(alert->reason))
		len = sizeof(alert->reason) - 1;
	len = text_utf8_prefix(text, len);
	memcpy(alert->reason, text, len);
	alert->reason[len] = '\0';
}

static void
set_reason(struct alert *alert, const struct rules_finding *f)
{
	struct buf text = { 0 };

	rules_put_finding(&text, f);
	if (f->row != NULL && f->severity != RULES_OK &&
	    f->row->reason[0] != '\0') {
		buf_adds(&text, "; ");
		rules_put_plain(&text, f->row->reason);
	}
	set_text(alert, text.data, text.len);
	buf_release(&text);
}

void
alert_begin(struct alerts *a, int64_t now_ms)
{
	size_t i;

	a->now_ms = now_ms;
	for (i = 0; i < a->count; i++)
		a->alert[i].seen = false;
}

/* Nothing can be told of this stream: as if there had been no sample. */
static void
hold(struct alerts *a, const char *stream)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		if (compare_names(a->alert[i].stream, stream) == 0)
			a->alert[i].seen = true;
}

void
alert_take(struct alerts *a, const struct rules_finding *f)
{
	struct key key = { .metric = (int)f->metric };
	struct alert *alert;

	if (f->row != NULL && f->row->error != NULL) {
		if (!f->row->gone)
			hold(a, f->row->stream);
		return;
	}
	if (f->row != NULL) {
		key.stream = f->row->stream;
		key.group = f->row->group;
	}
	alert = get(a, &key,
		    f->severity == RULES_WARNING ||
			    f->severity == RULES_CRITICAL);
	if (alert == NULL || f->severity == RULES_UNKNOWN)
		return;
	alert->value = f->value;
	alert->threshold = f->threshold;
	set_reason(alert, f);
	count(alert, f->severity, a->now_ms);
}

/* What the samples so far make of it.  Whether it changes. */
static bool
decide(struct alert *alert, int64_t now_ms)
{
	enum rules_severity now = alert->severity;

	if (alert->above[RULES_CRITICAL] >= ALERT_FIRE)
		now = RULES_CRITICAL;
	else if (alert->above[RULES_WARNING] >= ALERT_FIRE && now == RULES_OK)
		now = RULES_WARNING;
	else if (alert->below[RULES_WARNING] >= ALERT_CLEAR)
		now = RULES_OK;
	else if (alert->below[RULES_CRITICAL] >= ALERT_CLEAR &&
		 now == RULES_CRITICAL)
		now = RULES_WARNING;
	if (now == alert->severity)
		return false;
	if (alert->severity == RULES_OK)
		envelope_uuid(alert->id, now_ms);
	alert->before = alert->severity;
	alert->is_cleared = now == RULES_OK;
	if (!alert->is_cleared)
		alert->severity = now;
	return true;
}

/* Tell what changes, and forget what is all right. */
static void
settle(struct alerts *a, void (*changed)(void *arg, const struct alert *alert),
       void *arg)
{
	size_t i, kept = 0;

	for (i = 0; i < a->count; i++) {
		struct alert *alert = &a->alert[i];

		if (decide(alert, a->now_ms))
			changed(arg, alert);
		if (alert->is_cleared || (alert->severity == RULES_OK &&
					  alert->above[RULES_WARNING] == 0))
			drop(alert);
		else
			a->alert[kept++] = *alert;
	}
	a->count = kept;
}

static void
set_gone(struct alert *alert, const char *why, int64_t now_ms)
{
	alert->value = NAN;
	set_text(alert, why, strlen(why));
	count(alert, RULES_OK, now_ms);
}

void
alert_end(struct alerts *a,
	  void (*changed)(void *arg, const struct alert *alert), void *arg)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		if (!a->alert[i].seen)
			set_gone(&a->alert[i],
				 a->alert[i].metric == ALERT_UNREACHABLE
					 ? "it answers"
					 : "it is gone",
				 a->now_ms);
	settle(a, changed, arg);
}

void
alert_end_away(struct alerts *a, int64_t away_since_ms, const char *why,
	       void (*changed)(void *arg, const struct alert *alert), void *arg)
{
	const struct key key = { .metric = ALERT_UNREACHABLE };
	struct alert *alert = get(a, &key, true);

	alert->value = (double)(a->now_ms - away_since_ms);
	alert->threshold = NAN;
	set_text(alert, why, strlen(why));
	count(alert, RULES_CRITICAL, a->now_ms);
	settle(a, changed, arg);
}

void
alert_check(struct alerts *a, int64_t now_ms, const struct rules_list *found,
	    void (*changed)(void *arg, const struct alert *alert), void *arg)
{
	size_t i;

	alert_begin(a, now_ms);
	for (i = 0; i < found->count; i++)
		alert_take(a, &found->finding[i]);
	alert_end(a, changed, arg);
}

void
alert_release(struct alerts *a)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		drop(&a->alert[i]);
	free(a->alert);
	*a = (struct alerts){ 0 };
}

/*
 * Events
 */

static const char *
metric_name(const struct alert *alert)
{
	return alert->metric == ALERT_UNREACHABLE
		       ? "unreachable"
		       : rules_metric_name((enum rules_metric)alert->metric);
}

static const char *
unit_name(const struct alert *alert)
{
	if (alert->metric == ALERT_UNREACHABLE)
		return "ms";
	return rules_unit_name(rules_unit((enum rules_metric)alert->metric));
}

/* "orders/billing", "server" */
static void
put_object(struct buf *out, const struct alert *alert)
{
	buf_adds(out, alert->stream != NULL ? alert->stream : "server");
	if (alert->group != NULL)
		buf_addf(out, "/%s", alert->group);
}

static void
put_text(struct buf *out, const char *name, const char *text)
{
	if (text == NULL)
		return;
	buf_addf(out, ",\"%s\":", name);
	buf_add_json_bytes(out, text, strlen(text));
}

static void
put_data(struct buf *out, const struct alert *alert)
{
	struct buf name = { 0 };
	char since[WHEN_TEXT];

	put_object(&name, alert);
	buf_addf(&name, "/%s", metric_name(alert));
	buf_adds(out, "{\"alert\":");
	buf_add_json_bytes(out, name.data, name.len);
	put_text(out, "severity", rules_severity_name(alert->severity));
	if (alert->before != RULES_OK && !alert->is_cleared)
		put_text(out, "before", rules_severity_name(alert->before));
	put_text(out, "stream", alert->stream);
	put_text(out, "group", alert->group);
	put_text(out, "metric", metric_name(alert));
	rules_put_number(out, "value", alert->value);
	put_text(out, "unit", unit_name(alert));
	rules_put_number(out, "threshold", alert->threshold);
	when_put(since, alert->since_ms);
	put_text(out, "since", since);
	put_text(out, "reason", alert->reason);
	buf_addc(out, '}');
	buf_release(&name);
}

void
alert_put_event(struct buf *out, const struct alert *alert, int64_t now_ms)
{
	struct buf data = { 0 }, subject = { 0 };
	struct envelope e = {
		.type = alert->is_cleared ? "ev.alert.cleared"
					  : "ev.alert.fired",
		.correlation = alert->id,
	};

	put_object(&subject, alert);
	e.subject = buf_text(&subject);
	if (envelope_init(&e) < 0) {
		/* A name that CloudEvents can't carry; data has it too. */
		e.subject = NULL;
		envelope_init(&e);
	}
	put_data(&data, alert);
	envelope_wrap(&e, out, now_ms, data.data, data.len, false);
	envelope_release(&e);
	buf_release(&data);
	buf_release(&subject);
}

struct printing {
	const struct alert_look *look;
	uint64_t done, most;
	struct out *out;
};

static void
print_event(void *arg, const struct alert *alert)
{
	struct printing *p = arg;

	if (p->done >= p->most)
		return;
	alert_put_event(&p->out->buf, alert, p->look->now_ms);
	out_end(p->out);
	p->done++;
}

uint64_t
alert_print(struct alerts *a, const struct alert_look *look, uint64_t most,
	    struct out *out)
{
	struct printing p = { .look = look, .most = most, .out = out };

	if (look->away == NULL) {
		alert_check(a, look->now_ms, look->found, print_event, &p);
	} else {
		alert_begin(a, look->now_ms);
		alert_end_away(a, look->away_ms, look->away, print_event, &p);
	}
	return p.done;
}
