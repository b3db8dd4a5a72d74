#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/num.h"
#include "common/policy.h"
#include "common/trim_names.h"

static int
fail(struct policy *p, const struct config_line *line, const char *word,
     size_t len, const char *what)
{
	snprintf(p->error, sizeof(p->error), "%.120s:%u: \"%.*s\": %s",
		 p->config.path, line->number, len > 60 ? 60 : (int)len, word,
		 what);
	return -1;
}

/* Whether the word is NAME=…; then *value is what follows. */
static bool
is_named(const char *word, size_t len, const char *name, const char **value,
	 size_t *value_len)
{
	size_t n = strlen(name);

	if (len <= n || memcmp(word, name, n) != 0 || word[n] != '=')
		return false;
	*value = word + n + 1;
	*value_len = len - n - 1;
	return true;
}

static int
take_path(struct policy *p, const char **path, const char *text, size_t len)
{
	if (len == 0)
		return -1;
	p->path = xreallocarray(p->path, p->paths + 1, sizeof(*p->path));
	*path = p->path[p->paths++] = xmemdup0(text, len);
	return 0;
}

static int
parse_word(struct policy *p, const struct config_line *line,
	   struct policy_rule *r, const char *word, size_t len)
{
	const char *text, *what;
	size_t n;
	int rc;

	if (is_named(word, len, "keep", &text, &n)) {
		rc = num_duration(text, n, &r->limits.keep_ms);
		what = "not a duration, such as 7d";
	} else if (is_named(word, len, "maxlen", &text, &n)) {
		rc = num_u64(text, n, &r->limits.maxlen);
		what = "not a number";
	} else if (is_named(word, len, "max-bytes", &text, &n)) {
		rc = num_size(text, n, &r->limits.max_bytes);
		what = "not a size, such as 1G";
	} else if (is_named(word, len, "dead", &text, &n)) {
		rc = num_duration(text, n, &r->dead_ms);
		what = "not a duration, such as 30d";
	} else if (is_named(word, len, "consumers", &text, &n)) {
		rc = num_duration(text, n, &r->consumers_ms);
		what = "not a duration, such as 1d";
	} else if (is_named(word, len, "archive", &text, &n)) {
		rc = take_path(p, &r->archive, text, n);
		what = "not the name of a file";
	} else {
		rc = -1;
		what = "not one of keep= maxlen= max-bytes= archive= dead= "
		       "consumers=";
	}
	return rc < 0 ? fail(p, line, word, len, what) : 0;
}

static int
parse_rule(struct policy *p, const struct config_line *line)
{
	struct policy_rule *r = &p->rule[p->count++];
	const char *at = line->value;

	*r = (struct policy_rule)POLICY_RULE_INIT;
	r->glob = line->name;
	if (*line->section != '\0')
		return fail(p, line, line->section, strlen(line->section),
			    "a section; a policy has none");
	for (;;) {
		size_t len;

		at += strspn(at, " \t");
		len = strcspn(at, " \t");
		if (len == 0)
			break;
		if (parse_word(p, line, r, at, len) < 0)
			return -1;
		at += len;
	}
	if (r->archive != NULL && !trim_limits_any(&r->limits) &&
	    r->dead_ms < 0)
		return fail(p, line, r->glob, strlen(r->glob),
			    "it archives and has no limit");
	return 0;
}

int
policy_open(struct policy *p, const char *path)
{
	size_t i;

	*p = (struct policy){ .count = 0 };
	if (config_read(&p->config, path) < 0) {
		snprintf(p->error, sizeof(p->error), "%s", p->config.error);
		return -1;
	}
	p->rule = xcalloc(p->config.count + 1, sizeof(*p->rule));
	for (i = 0; i < p->config.count; i++)
		if (parse_rule(p, &p->config.line[i]) < 0)
			return -1;
	if (p->count == 0) {
		snprintf(p->error, sizeof(p->error), "%.200s: it has no rules",
			 path);
		return -1;
	}
	return 0;
}

void
policy_close(struct policy *p)
{
	size_t i;

	for (i = 0; i < p->paths; i++)
		free(p->path[i]);
	free(p->path);
	free(p->rule);
	p->path = NULL;
	p->rule = NULL;
	p->count = p->paths = 0;
	config_release(&p->config);
}

const struct policy_rule *
policy_find(const struct policy *p, const char *stream)
{
	size_t i;

	for (i = 0; i < p->count; i++)
		if (trim_names_covers(p->rule[i].glob, stream))
			return &p->rule[i];
	return NULL;
}
