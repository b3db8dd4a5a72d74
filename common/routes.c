#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/routes.h"
#include "common/stream.h"
#include "common/text.h"

/* The number of a stream, which is new or was named before. */
static size_t
intern(struct routes *r, const char *stream)
{
	size_t i;

	for (i = 0; i < r->streams; i++)
		if (strcmp(r->stream[i], stream) == 0)
			return i;
	r->stream[r->streams] = stream;
	return r->streams++;
}

static int
take_line(struct routes *r, const struct config *c,
	  const struct config_line *line)
{
	const char *wrong = stream_name_error(line->value);

	if (wrong != NULL) {
		snprintf(r->error, sizeof(r->error), "%.160s:%u: %.60s: %s",
			 c->path, line->number, line->value, wrong);
		return -1;
	}
	r->line[r->count++] = (struct routes_line){
		.type = line->name,
		.to = intern(r, line->value),
	};
	return 0;
}

int
routes_init(struct routes *r, const struct config *c)
{
	size_t i;

	*r = (struct routes){
		.line = xcalloc(c->count, sizeof(*r->line)),
		.stream = xcalloc(c->count, sizeof(*r->stream)),
	};
	for (i = 0; i < c->count; i++)
		if (strcmp(c->line[i].section, ROUTES_SECTION) == 0 &&
		    take_line(r, c, &c->line[i]) < 0)
			return -1;
	if (r->count != 0)
		return 0;
	if (c->path == NULL)
		snprintf(r->error, sizeof(r->error),
			 "there is no config file to have [" ROUTES_SECTION
			 "]");
	else
		snprintf(r->error, sizeof(r->error),
			 "%.200s: no lines in [" ROUTES_SECTION "]", c->path);
	return -1;
}

int
routes_find(struct routes *r, const struct event *ev, struct buf *tmp,
	    size_t *to)
{
	const char *type;
	size_t len, i;

	if (!event_role_text(ev, ROLE_TYPE, tmp, &type, &len)) {
		snprintf(r->error, sizeof(r->error),
			 "no type to find its stream by");
		return -1;
	}
	for (i = 0; i < r->count; i++) {
		if (text_glob(r->line[i].type, type, len)) {
			*to = r->line[i].to;
			return 0;
		}
	}
	snprintf(r->error, sizeof(r->error),
		 "no line of [" ROUTES_SECTION "] matches its type \"%.*s\"",
		 (int)(len < 200 ? len : 200), type);
	return -1;
}

void
routes_release(struct routes *r)
{
	free(r->line);
	free(r->stream);
	*r = (struct routes){ 0 };
}
