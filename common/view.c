#include <errno.h>
#include <string.h>

#include "common/diag.h"
#include "common/file.h"
#include "common/survey_print.h"
#include "common/survey_prometheus.h"
#include "common/table.h"
#include "common/view.h"

struct view_form {
	const char *name;
	void (*put[VIEW_KINDS])(const struct view *v, struct out *out);
	bool tells_away;
};

/* The terminal's looks are not for a file. */
static size_t
width(const struct view *v)
{
	return v->to == NULL ? table_width() : 0;
}

static bool
colour(const struct view *v)
{
	return v->to == NULL && table_colour();
}

static void
survey_table(const struct view *v, struct out *out)
{
	survey_print_table(&v->sample->survey, v->rates, width(v), colour(v),
			   out);
}

static void
survey_ndjson(const struct view *v, struct out *out)
{
	survey_print_ndjson(&v->sample->survey, out);
}

static void
survey_prometheus(const struct view *v, struct out *out)
{
	struct survey_scrape scrape = { .seconds = v->sample->seconds };

	if (v->away == NULL) {
		scrape.up = true;
		scrape.memory_used = v->sample->memory.used;
		scrape.memory_limit = v->sample->memory.limit;
	}
	survey_print_prometheus(&v->sample->survey, &scrape, out);
}

static void
check_table(const struct view *v, struct out *out)
{
	rules_print_table(v->found, width(v), colour(v), out);
}

static void
check_ndjson(const struct view *v, struct out *out)
{
	rules_print_json(v->found, out);
}

static void
check_nagios(const struct view *v, struct out *out)
{
	if (v->away != NULL)
		rules_print_unknown(v->away, out);
	else
		rules_print_nagios(v->found, out);
}

static void
health_table(const struct view *v, struct out *out)
{
	health_print_table(v->health, width(v), colour(v), out);
}

static void
health_ndjson(const struct view *v, struct out *out)
{
	health_print_json(v->health, out);
}

static void
health_nagios(const struct view *v, struct out *out)
{
	if (v->away != NULL)
		rules_print_unknown(v->away, out);
	else
		health_print_nagios(v->health, out);
}

static void
tell_more(const struct joblist *jobs)
{
	if (jobs->more != 0)
		warn("%llu more jobs are not shown, see --count",
		     (unsigned long long)jobs->more);
}

static void
jobs_table(const struct view *v, struct out *out)
{
	joblist_print_table(v->jobs, 0, SIZE_MAX, width(v), colour(v), out);
	tell_more(v->jobs);
}

static void
jobs_ndjson(const struct view *v, struct out *out)
{
	joblist_print_ndjson(v->jobs, out);
	tell_more(v->jobs);
}

static const struct view_form forms[] = {
	{ "table",
	  { survey_table, check_table, health_table, jobs_table },
	  false },
	{ "ndjson",
	  { survey_ndjson, check_ndjson, health_ndjson, jobs_ndjson },
	  false },
	{ "prometheus", { survey_prometheus, NULL, NULL, NULL }, true },
	{ "nagios", { check_nagios, check_nagios, health_nagios, NULL }, true },
};

const struct view_form *
view_form(const char *name, enum view_kind kind)
{
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(name, forms[i].name) == 0)
			return forms[i].put[kind] != NULL ? &forms[i] : NULL;
	return NULL;
}

bool
view_is(const struct view *v, const char *name)
{
	return strcmp(v->form->name, name) == 0;
}

static int
replace(const struct view *v)
{
	struct file_new file;
	struct out out;
	int rc;

	if (file_begin(&file, v->to) < 0) {
		fault("%s: %s", v->to, strerror(errno));
		return -1;
	}
	out_init(&out, file.fd, v->to);
	v->form->put[v->kind](v, &out);
	rc = out_flush(&out);
	buf_release(&out.buf);
	if (rc < 0) {
		errno = out.error;
		file_abort(&file);
	} else {
		rc = file_commit(&file);
	}
	if (rc < 0)
		fault("%s: %s", v->to, strerror(errno));
	return rc;
}

int
view_print(const struct view *v, struct out *out)
{
	if (v->away != NULL && !v->form->tells_away)
		return 0;
	if (v->to != NULL)
		return replace(v);
	v->form->put[v->kind](v, out);
	return out_flush(out);
}
