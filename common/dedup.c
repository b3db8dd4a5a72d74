#include "common/dedup.h"

enum { KEY_MAX = 512 /* longer ones are hashed */ };

int
dedup_init(struct dedup *d)
{
	return d->text == NULL ? 0 : json_pointer_parse(&d->pointer, d->text);
}

void
dedup_release(struct dedup *d)
{
	json_pointer_release(&d->pointer);
	buf_release(&d->tmp);
}

int
dedup_key(struct dedup *d, const struct event *ev, const char **key,
	  size_t *len)
{
	if (d->text != NULL) {
		struct json_value v = json_pointer_get(&d->pointer, &ev->doc);

		if (v.type == JSON_NONE || v.type == JSON_NULL)
			return -1;
		json_text(&v, &d->tmp, key, len);
	} else if (!event_role_text(ev, ROLE_ID, &d->tmp, key, len)) {
		*key = ev->text;
		*len = ev->len;
	}
	if (*len > KEY_MAX || *key == ev->text) {
		digest_hex(d->digest, *key, *len);
		*key = d->digest;
		*len = DIGEST_TEXT - 1;
	}
	return 0;
}
