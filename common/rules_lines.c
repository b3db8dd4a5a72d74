/*
 * rules_lines.c - rules.h's part about how rules are written
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/num.h"
#include "common/rules_state.h"

enum { SHOWN = 60 /* bytes of a user's text in a message */ };

static int __attribute__((format(printf, 2, 3)))
fail(struct rules *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->error, sizeof(r->error), fmt, args);
	va_end(args);
	return -1;
}

static bool
name_is(enum rules_metric metric, const char *name, size_t len)
{
	const char *own = rules_metric_name(metric);

	return strlen(own) == len && memcmp(own, name, len) == 0;
}

static int
find_metric(const char *name, size_t len)
{
	int i;

	for (i = 0; i < RULES_METRICS; i++)
		if (name_is((enum rules_metric)i, name, len))
			return i;
	return -1;
}

/* Digits, perhaps with a fraction, of all of the text. */
static int
parse_decimal(const char *text, size_t len, double *value)
{
	const char *dot = memchr(text, '.', len);
	size_t digits = dot == NULL ? len : (size_t)(dot - text),
	       left = dot == NULL ? 0 : len - digits - 1;
	uint64_t whole, part = 0;
	double scale = 1;

	if (num_u64(text, digits, &whole) < 0 ||
	    (dot != NULL && (left > 9 || num_u64(dot + 1, left, &part) < 0)))
		return -1;
	for (; left != 0; left--)
		scale *= 10;
	*value = (double)whole + (double)part / scale;
	return 0;
}

/* As a number is shown: 1000, 10k, 1.5M. */
static int
parse_count(const char *text, size_t len, double *value)
{
	double scale = 1;

	if (len != 0 && text[len - 1] == 'k')
		scale = 1e3;
	else if (len != 0 && text[len - 1] == 'M')
		scale = 1e6;
	if (parse_decimal(text, len - (scale > 1), value) < 0)
		return -1;
	*value *= scale;
	return 0;
}

static int
parse_value(enum rules_unit unit, const char *text, size_t len, double *value)
{
	int64_t ms;

	switch (unit) {
	case RULES_COUNT:
	case RULES_PER_S:
		return parse_count(text, len, value);
	case RULES_MS:
		if (num_duration(text, len, &ms) < 0)
			return -1;
		*value = (double)ms;
		return 0;
	case RULES_PERCENT:
		if (len == 0 || text[len - 1] != '%')
			return -1;
		return parse_decimal(text, len - 1, value);
	}
	return -1;
}

static const char *const wanted[] = {
	[RULES_COUNT] = "a number such as 1000 or 10k",
	[RULES_MS] = "a duration such as 90s or 10m",
	[RULES_PERCENT] = "a percentage such as 5%",
	[RULES_PER_S] = "a number of entries per second",
};

/* One threshold: a value, "-" for none, "growth" for a warning of dead. */
static int
parse_threshold(struct rules *r, enum rules_metric metric, bool is_warning,
		const char *text, size_t len, struct rules_bounds *b)
{
	double *out = is_warning ? &b->warn : &b->crit;

	b->named = true;
	*out = NAN;
	if (len == 1 && *text == '-')
		return 0;
	if (is_warning && metric == RULES_DEAD && len == 6 &&
	    memcmp(text, "growth", 6) == 0) {
		b->growth = true;
		return 0;
	}
	if (parse_value(rules_unit(metric), text, len, out) == 0)
		return 0;
	return fail(r, "%s: \"%.*s\" is not %s", rules_metric_name(metric),
		    len < SHOWN ? (int)len : SHOWN, text,
		    wanted[rules_unit(metric)]);
}

static const struct rules_bounds none = { .warn = NAN, .crit = NAN };

static struct rules_line *
add_line(struct rules *r)
{
	struct rules_line *line;
	size_t i;

	r->line = xreallocarray(r->line, r->count + 1, sizeof(*r->line));
	line = &r->line[r->count++];
	*line = (struct rules_line){ 0 };
	for (i = 0; i < RULES_METRICS; i++)
		line->bounds[i] = none;
	return line;
}

/* The bounds that "METRIC=" at the start of a word is about; the rest of the
 * word goes to *value. */
static struct rules_bounds *
take_metric(struct rules *r, struct rules_line *line, const char *word,
	    size_t *len, const char **value, enum rules_metric *metric)
{
	const char *equals = memchr(word, '=', *len);
	int found;

	if (equals == NULL) {
		fail(r, "\"%.*s\" is not METRIC=THRESHOLD",
		     *len < SHOWN ? (int)*len : SHOWN, word);
		return NULL;
	}
	found = find_metric(word, (size_t)(equals - word));
	if (found < 0) {
		fail(r, "no metric \"%.*s\"",
		     equals - word < SHOWN ? (int)(equals - word) : SHOWN,
		     word);
		return NULL;
	}
	*metric = (enum rules_metric)found;
	*value = equals + 1;
	*len -= (size_t)(*value - word);
	return &line->bounds[found];
}

/* "lag=1000/10000" */
static int
parse_pair(struct rules *r, struct rules_line *line, const char *word,
	   size_t len)
{
	enum rules_metric metric;
	const char *text, *slash;
	struct rules_bounds *b =
		take_metric(r, line, word, &len, &text, &metric);

	if (b == NULL)
		return -1;
	if (b->named)
		return fail(r, "%s: named twice", rules_metric_name(metric));
	slash = memchr(text, '/', len);
	if (slash == NULL)
		return fail(r, "%s: \"%.*s\" is not WARNING/CRITICAL",
			    rules_metric_name(metric),
			    len < SHOWN ? (int)len : SHOWN, text);
	if (parse_threshold(r, metric, true, text, (size_t)(slash - text), b) <
		    0 ||
	    parse_threshold(r, metric, false, slash + 1,
			    len - (size_t)(slash + 1 - text), b) < 0)
		return -1;
	if (b->warn > b->crit)
		return fail(r, "%s: the warning is above the critical one",
			    rules_metric_name(metric));
	return 0;
}

static const char *
skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* "orders billing" and "lag=1000/10000 age=60s/10m" */
static int
parse_line(struct rules *r, const char *name, const char *value)
{
	struct rules_line *line = add_line(r);
	size_t len = strcspn(name, " \t");
	const char *group = skip_blanks(name + len);

	line->stream = xmemdup0(name, len);
	if (*group != '\0') {
		len = strcspn(group, " \t");
		if (group[len] != '\0')
			return fail(r, "more than a stream and a group "
				       "before the =");
		line->group = xmemdup0(group, len);
	}
	value = skip_blanks(value);
	if (*value == '\0')
		return fail(r, "no thresholds");
	for (; *value != '\0'; value = skip_blanks(value + len)) {
		len = strcspn(value, " \t");
		if (parse_pair(r, line, value, len) < 0)
			return -1;
	}
	return 0;
}

/* Put "path:line: " before the error. */
static int
blame(struct rules *r, const struct config *config,
      const struct config_line *line)
{
	char what[sizeof(r->error)];

	memcpy(what, r->error, sizeof(what));
	snprintf(r->error, sizeof(r->error), "%.100s:%u: %.140s", config->path,
		 line->number, what);
	return -1;
}

static int
take_section(struct rules *r, const struct config *config, const char *section)
{
	size_t i;

	for (i = 0; i < config->count; i++) {
		const struct config_line *line = &config->line[i];

		if (strcmp(line->section, section) == 0 &&
		    parse_line(r, line->name, line->value) < 0)
			return blame(r, config, line);
	}
	return 0;
}

static int
load(struct rules *r, const char *path)
{
	struct config config;
	int rc;

	if (config_read(&config, path) < 0)
		rc = fail(r, "%s", config.error);
	else if (config.section_count != 0)
		rc = fail(r, "%.200s: a file of rules has no sections", path);
	else
		rc = take_section(r, &config, "");
	config_release(&config);
	return rc;
}

/* "lag=1000,age=60s" */
static int
parse_list(struct rules *r, struct rules_line *line, const char *list,
	   bool is_warning)
{
	const char *option = is_warning ? "--warn" : "--crit";
	enum rules_metric metric;
	bool seen[RULES_METRICS] = { false };
	char what[sizeof(r->error)];

	for (;;) {
		size_t word = strcspn(list, ","), len = word;
		const char *text;
		struct rules_bounds *b =
			take_metric(r, line, list, &len, &text, &metric);
		int rc = b == NULL ? -1
				   : parse_threshold(r, metric, is_warning,
						     text, len, b);

		if (rc == 0 && seen[metric])
			rc = fail(r, "%s: named twice",
				  rules_metric_name(metric));
		if (rc < 0) {
			memcpy(what, r->error, sizeof(what));
			return fail(r, "%s: %.200s", option, what);
		}
		seen[metric] = true;
		if (list[word] == '\0')
			return 0;
		list += word + 1;
	}
}

static int
take_options(struct rules *r, const char *warn, const char *crit)
{
	struct rules_line *line;
	size_t i;

	if (warn == NULL && crit == NULL)
		return 0;
	line = add_line(r);
	if ((warn != NULL && parse_list(r, line, warn, true) < 0) ||
	    (crit != NULL && parse_list(r, line, crit, false) < 0))
		return -1;
	for (i = 0; i < RULES_METRICS; i++)
		if (line->bounds[i].warn > line->bounds[i].crit)
			return fail(r, "--warn: %s: it is above that of --crit",
				    rules_metric_name((enum rules_metric)i));
	return 0;
}

/* Those that count before others first. */
int
rules_open(struct rules *r, const struct rules_options *o,
	   const struct config *config)
{
	if (take_options(r, o->warn, o->crit) < 0 ||
	    (o->path != NULL && load(r, o->path) < 0))
		return -1;
	return take_section(r, config, "rules");
}

void
rules_release(struct rules *r)
{
	size_t i;

	for (i = 0; i < r->count; i++) {
		free(r->line[i].stream);
		free(r->line[i].group);
	}
	free(r->line);
	r->line = NULL;
	r->count = 0;
}
