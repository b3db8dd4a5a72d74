#include <stdarg.h>
#include <string.h>

#include "common/script.h"
#include "lua_scripts.h"

static const char *const texts[] = {
	[SCRIPT_DEDUP] = lua_dedup,
	[SCRIPT_RENEW] = lua_renew,
	[SCRIPT_RELEASE] = lua_release,
	[SCRIPT_LEAVE] = lua_leave,
};

const char *
script_text(const struct script *s)
{
	return texts[s->name];
}

int
script_load(struct conn *c, struct script *s)
{
	struct reply *r;
	const char *sha;
	size_t len;

	conn_commandv(c, "SCRIPT", "LOAD", texts[s->name], NULL);
	r = conn_result(c);
	if (r == NULL)
		return -1;
	if (!reply_is(r, 0, REPLY_STRING)) {
		conn_fail_shape(c, "SCRIPT LOAD");
		return -1;
	}
	sha = reply_text(r, 0, &len);
	if (len != sizeof(s->sha) - 1) {
		conn_fail_shape(c, "SCRIPT LOAD");
		return -1;
	}
	memcpy(s->sha, sha, len);
	s->sha[len] = '\0';
	return 0;
}

void
script_begin(struct conn *c, const struct script *s, size_t keys, size_t argc)
{
	conn_command(c, 3 + argc);
	conn_args(c, "EVALSHA");
	conn_args(c, s->sha);
	conn_argu(c, keys);
}

static void
send_call(struct conn *c, const struct script *s, size_t keys, const char *arg,
	  va_list args)
{
	va_list copy;
	const char *word;
	size_t argc = 0;

	va_copy(copy, args);
	for (word = arg; word != NULL; word = va_arg(copy, const char *))
		argc++;
	va_end(copy);
	script_begin(c, s, keys, argc);
	for (word = arg; word != NULL; word = va_arg(args, const char *))
		conn_args(c, word);
}

struct reply *
script_call(struct conn *c, struct script *s, size_t keys, const char *arg, ...)
{
	struct reply *r;
	int tries;

	for (tries = 0; tries < 3; tries++) {
		va_list args;

		if (s->sha[0] == '\0' && script_load(c, s) < 0)
			return NULL;
		va_start(args, arg);
		send_call(c, s, keys, arg, args);
		va_end(args);
		r = conn_reply(c, 0);
		if (r == NULL || !reply_is(r, 0, REPLY_ERROR))
			return r;
		if (reply_fault(r, 0) != REPLY_FAULT_NOSCRIPT)
			break;
		s->sha[0] = '\0';
	}
	conn_fail_reply(c, r, 0);
	return NULL;
}
