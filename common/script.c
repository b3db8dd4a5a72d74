#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "common/script.h"
#include "lua_scripts.h"

enum { SCRIPT_WORDS = 16 /* of a script_call() */ };

static const char *const texts[] = {
	[SCRIPT_DEDUP] = lua_dedup,     [SCRIPT_RENEW] = lua_renew,
	[SCRIPT_RELEASE] = lua_release, [SCRIPT_LEAVE] = lua_leave,
	[SCRIPT_DONE] = lua_done,       [SCRIPT_EMIT] = lua_emit,
	[SCRIPT_FAIL] = lua_fail,       [SCRIPT_DEAD] = lua_dead,
	[SCRIPT_TAKE] = lua_take,       [SCRIPT_HOLD] = lua_hold,
	[SCRIPT_REDRIVE] = lua_redrive, [SCRIPT_DELAY] = lua_delay,
	[SCRIPT_PROMOTE] = lua_promote, [SCRIPT_CLAIM] = lua_claim,
	[SCRIPT_PUTBACK] = lua_putback, [SCRIPT_REGROUP] = lua_regroup,
	[SCRIPT_ADOPT] = lua_adopt,     [SCRIPT_TRIM] = lua_trim,
	[SCRIPT_REMOVE] = lua_remove,   [SCRIPT_REAP] = lua_reap,
	[SCRIPT_REPLAY] = lua_replay,   [SCRIPT_REWIND] = lua_rewind,
	[SCRIPT_SPAN] = lua_span,       [SCRIPT_PEEK] = lua_peek,
};

const char *
script_text(const struct script *s)
{
	return texts[s->name];
}

static int
take_sha(struct conn *c, struct script *s, const struct reply *r)
{
	const char *sha;
	size_t len;

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

int
script_load(struct conn *c, struct script *s)
{
	struct reply *r;

	conn_commandv(c, "SCRIPT", "LOAD", texts[s->name], NULL);
	r = conn_result(c);
	return r == NULL ? -1 : take_sha(c, s, r);
}

void
script_begin(struct conn *c, const struct script *s, size_t keys, size_t argc)
{
	conn_command(c, 3 + argc);
	conn_args(c, "EVALSHA");
	conn_args(c, s->sha);
	conn_argu(c, keys);
}

void
script_begin_text(struct conn *c, const struct script *s, size_t keys,
		  size_t argc)
{
	conn_command(c, 3 + argc);
	conn_args(c, "EVAL");
	conn_args(c, texts[s->name]);
	conn_argu(c, keys);
}

struct reply *
script_run(struct conn *c, struct script *s, size_t keys,
	   const struct script_arg *arg, size_t count)
{
	struct reply *r = NULL;
	int tries;

	for (tries = 0; tries < 3; tries++) {
		size_t i;

		if (s->sha[0] == '\0') {
			conn_commandv(c, "SCRIPT", "LOAD", texts[s->name],
				      NULL);
			r = conn_reply(c, 0);
			if (r == NULL || reply_is(r, 0, REPLY_ERROR))
				return r;
			if (take_sha(c, s, r) < 0)
				return NULL;
		}
		script_begin(c, s, keys, count);
		for (i = 0; i < count; i++)
			conn_arg(c, arg[i].text, arg[i].len);
		r = conn_reply(c, 0);
		if (r == NULL || !reply_is(r, 0, REPLY_ERROR) ||
		    reply_fault(r, 0) != REPLY_FAULT_NOSCRIPT)
			break;
		s->sha[0] = '\0';
	}
	return r;
}

struct reply *
script_call(struct conn *c, struct script *s, size_t keys, const char *arg, ...)
{
	struct script_arg list[SCRIPT_WORDS];
	size_t count = 0;
	struct reply *r;
	va_list args;

	va_start(args, arg);
	for (; arg != NULL; arg = va_arg(args, const char *)) {
		assert(count < SCRIPT_WORDS);
		list[count++] = (struct script_arg){ arg, strlen(arg) };
	}
	va_end(args);
	r = script_run(c, s, keys, list, count);
	if (r == NULL || !reply_is(r, 0, REPLY_ERROR))
		return r;
	conn_fail_reply(c, r, 0);
	return NULL;
}
