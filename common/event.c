#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/cloudevent.h"
#include "common/event_state.h"
#include "common/reason.h"
#include "common/when.h"

#define BIT(role) EVENT_ROLE(role)

static void
forget_roles(struct event *ev)
{
	for (; ev->noted != 0; ev->noted &= ev->noted - 1)
		ev->role[__builtin_ctz(ev->noted)] = (struct json_value){ 0 };
	ev->profile = NULL;
}

int
event_parse(struct event *ev, const char *text, size_t len)
{
	const struct json_value *root = &ev->doc.root;

	ev->text = text;
	ev->len = len;
	forget_roles(ev);
	ev->error[0] = '\0';
	if (json_scan(&ev->doc, text, len) < 0) {
		snprintf(ev->error, sizeof(ev->error), "byte %zu: %s",
			 ev->doc.error_at + 1, ev->doc.error);
		return -1;
	}
	if (root->type == JSON_OBJECT)
		return 0;
	snprintf(ev->error, sizeof(ev->error), "not an object but %s%s",
		 root->type == JSON_NULL    ? ""
		 : root->type == JSON_ARRAY ? "an "
					    : "a ",
		 json_type_name(root->type));
	return -1;
}

/* One pass over an event that notes the roles of a profile. */
struct pass {
	struct event *ev;
	const struct event_profile *profile;
	unsigned wanted;           /* roles; others need not be noted */
	unsigned seen[PATH_DEPTH]; /* roles whose path's name here was met */
	struct json_member twice;  /* the first that was met before */
	bool is_twice;
};

/* Names are short and mostly the same: two words that may overlap do for all
 * but a few, without a call. */
static inline bool
is_same(const char *a, const char *b, size_t len)
{
	uint64_t a8[2], b8[2];
	uint32_t a4[2], b4[2];

	if (len > 16)
		return memcmp(a, b, len) == 0;
	if (len >= 8) {
		memcpy(&a8[0], a, 8);
		memcpy(&a8[1], a + len - 8, 8);
		memcpy(&b8[0], b, 8);
		memcpy(&b8[1], b + len - 8, 8);
		return ((a8[0] ^ b8[0]) | (a8[1] ^ b8[1])) == 0;
	}
	if (len >= 4) {
		memcpy(&a4[0], a, 4);
		memcpy(&a4[1], a + len - 4, 4);
		memcpy(&b4[0], b, 4);
		memcpy(&b4[1], b + len - 4, 4);
		return ((a4[0] ^ b4[0]) | (a4[1] ^ b4[1])) == 0;
	}
	while (len > 0 && a[len - 1] == b[len - 1])
		len--;
	return len == 0;
}

static inline bool
is_name(const struct json_member *m, const struct path_name *name)
{
	if (m->key_escaped)
		return json_key_is(m, name->text, name->len);
	return m->key_len == name->len &&
	       is_same(m->key, name->text, name->len);
}

/* Among roles whose paths agree above depth, those that m is on the way to;
 * the roles that it is are noted. */
static inline unsigned
note_member(struct pass *pass, const struct json_member *m, unsigned roles,
	    size_t depth)
{
	const struct path *paths = pass->profile->path;
	struct event *ev = pass->ev;
	unsigned met = 0, below = 0;

	for (; roles != 0; roles &= roles - 1) {
		unsigned role = (unsigned)__builtin_ctz(roles);
		const struct path *path = &paths[role];

		if (path->depth <= depth || !is_name(m, &path->name[depth]))
			continue;
		met |= BIT(role);
		ev->role[role] = m->value;
		if (path->depth > depth + 1)
			below |= BIT(role);
		if (path->depth > depth + 1 || m->value.type == JSON_NULL)
			ev->role[role] = (struct json_value){ 0 };
	}
	if ((pass->seen[depth] & met) != 0 && !pass->is_twice) {
		pass->is_twice = true;
		pass->twice = *m;
	}
	pass->seen[depth] |= met;
	ev->noted |= met;
	return below;
}

/* Goes as deep as the profile's paths, not as the event. */
static void
note_below(struct pass *pass, const struct json_value *object, unsigned roles,
	   size_t depth)
{
	struct json_iter it;

	if (object->type != JSON_OBJECT)
		return;
	json_iter_init(&it, object);
	while (json_iter_next(&it)) {
		unsigned below = note_member(pass, &it.member, roles, depth);

		if (below != 0)
			note_below(pass, &it.member.value, below, depth + 1);
	}
}

static void
note_roles(struct pass *pass, struct event *ev,
	   const struct event_profile *profile)
{
	size_t i;

	pass->ev = ev;
	pass->profile = profile;
	memset(pass->seen, 0, sizeof(pass->seen));
	pass->is_twice = false;
	forget_roles(ev);
	ev->profile = profile;
	for (i = 0; i < ev->doc.count; i++) {
		const struct json_member *m = &ev->doc.member[i];
		size_t len = m->key_len < LONG_NAME ? m->key_len : LONG_NAME;
		unsigned roles =
			m->key_escaped ? EVENT_ALL_ROLES : profile->by_len[len];

		roles &= pass->wanted;
		if (roles != 0)
			roles = note_member(pass, m, roles, 0);
		if (roles != 0)
			note_below(pass, &m->value, roles, 1);
	}
}

static bool
has_string(const struct json_doc *doc, const struct path_name *name)
{
	size_t i;

	for (i = 0; i < doc->count; i++)
		if (doc->member[i].value.type == JSON_STRING &&
		    is_name(&doc->member[i], name))
			return true;
	return false;
}

/* Goes by the last member of a name, as jq does. */
static bool
has_string_at(const struct json_doc *doc, const struct path *path)
{
	struct json_value value = doc->root;
	size_t i;

	if (path->depth == 1)
		return has_string(doc, &path->name[0]);
	for (i = 0; i < path->depth; i++)
		value = json_member(&value, path->name[i].text,
				    path->name[i].len);
	return value.type == JSON_STRING;
}

static bool
matches(const struct event_profile *profile, const struct json_doc *doc)
{
	size_t i;

	for (i = 0; i < profile->matches; i++)
		if (!has_string_at(doc, &profile->match[i]))
			return false;
	return true;
}

static bool
recognise(struct pass *pass, struct event *ev)
{
	const unsigned wanted = pass->wanted;
	const struct event_profile *profile;
	size_t i;

	for (i = 0; (profile = event_profile_at(i)) != NULL; i++) {
		if (!matches(profile, &ev->doc))
			continue;
		pass->wanted = wanted;
		if (profile->matches == 0)
			pass->wanted |= BIT(ROLE_ID) | BIT(ROLE_TYPE);
		note_roles(pass, ev, profile);
		if (profile->matches != 0 ||
		    (ev->role[ROLE_ID].type == JSON_STRING &&
		     ev->role[ROLE_TYPE].type == JSON_STRING))
			return true;
	}
	forget_roles(ev);
	return false;
}

void
event_recognise(struct event *ev, unsigned roles)
{
	struct pass pass = { .wanted = roles };

	recognise(&pass, ev);
}

/* A role by the names of its path, as metadata/source. */
static int
fail_role(struct event *ev, enum event_role role, const char *what)
{
	const struct path *path = &ev->profile->path[role];
	const struct json_value *value = &ev->role[role];
	char name[PATH_DEPTH * 64] = "";
	size_t i, len = 0;

	for (i = 0; i < path->depth && len < sizeof(name); i++)
		len += (size_t)snprintf(name + len, sizeof(name) - len, "%s%s",
					i == 0 ? "" : "/", path->name[i].text);
	return reason_put(ev->error, sizeof(ev->error), name, strlen(name),
			  value->type == JSON_NONE ? NULL : value, what);
}

static int
check_text(struct event *ev, enum event_role role)
{
	if (ev->profile->path[role].depth == 0)
		return 0;
	if (ev->role[role].type == JSON_NONE)
		return fail_role(ev, role, "missing");
	if (ev->role[role].type != JSON_STRING)
		return fail_role(ev, role, "is not a string");
	if (ev->role[role].len == 2)
		return fail_role(ev, role, "is empty");
	return 0;
}

static int
check_time(struct event *ev)
{
	const char *text;
	size_t len;
	int64_t ms;

	if (ev->role[ROLE_TIME].type != JSON_STRING)
		return 0;
	json_text(&ev->role[ROLE_TIME], &ev->tmp, &text, &len);
	if (when_rfc3339(text, len, &ms) == 0)
		return 0;
	return fail_role(ev, ROLE_TIME, "is not an RFC 3339 date-time");
}

int
event_check(struct event *ev, const struct event_profile *required)
{
	struct pass pass = { .wanted = EVENT_ALL_ROLES };

	ev->error[0] = '\0';
	if (required != NULL)
		note_roles(&pass, ev, required);
	else if (!recognise(&pass, ev))
		return 0;
	if (event_profile_is_cloudevents(ev->profile))
		return cloudevent_check(&ev->doc, ev->error, sizeof(ev->error),
					&ev->tmp);
	if (pass.is_twice)
		return reason_put(ev->error, sizeof(ev->error), pass.twice.key,
				  pass.twice.key_len, NULL, "given twice");
	if (check_text(ev, ROLE_ID) < 0 || check_text(ev, ROLE_TYPE) < 0)
		return -1;
	return check_time(ev);
}

bool
event_role_text(const struct event *ev, enum event_role role, struct buf *tmp,
		const char **text, size_t *len)
{
	*text = "";
	*len = 0;
	if (ev->role[role].type == JSON_NONE)
		return false;
	json_text(&ev->role[role], tmp, text, len);
	return true;
}

void
event_role_copy(const struct event *ev, enum event_role role, struct buf *out)
{
	struct buf tmp = { 0 };
	const char *text;
	size_t len;

	event_role_text(ev, role, &tmp, &text, &len);
	buf_set(out, text, len);
	buf_release(&tmp);
}

void
event_release(struct event *ev)
{
	json_release(&ev->doc);
	buf_release(&ev->tmp);
	*ev = (struct event){ 0 };
}
