#include <stdlib.h>
#include <string.h>

#include "common/acl.h"
#include "common/audit.h"
#include "common/diag.h"
#include "common/mem.h"
#include "common/stream.h"
#include "common/text.h"
#include "common/url.h"

#define SCRIPTS "evalsha script|load "
#define LOOKS "xinfo|groups xpending xrange exists "

/*
 * A line counts if all words of `when` hold: an option that is given, one of
 * several ("delay|at"), with that value or what begins so ("durability=none"),
 * or not given ("!yes").  Besides options there are "command" (behind "--"),
 * "pattern" (an operand is one, or there is none) and "db" (the URL has one).
 *
 * Keys are S, the stream; @x, its companion x; =x, the stream that option x
 * names; else the key itself.  % is the group, or all groups.
 */
static const struct line {
	const char *program; /* NULL: all */
	const char *when, *commands, *keys;
} table[] = {
	{ NULL, "!dry-run", "client|setname client|id ping", "" },
	{ NULL, "!dry-run db", "select", "" },

	{ "evpub", "!dry-run !promote !delay !at", "xadd", "S" },
	{ "evpub", "!dry-run !promote !delay !at priority", "",
	  "@critical @high @low" },
	{ "evpub", "!dry-run !promote delay|at", SCRIPTS "time zadd",
	  "@delayed" },
	{ "evpub", "!dry-run !promote dedup", SCRIPTS "get set", "@seen:*" },
	{ "evpub", "!dry-run atomic", "multi exec discard", "" },
	{ "evpub", "!dry-run durability=none", "client|reply", "" },
	{ "evpub", "!dry-run durability=fsync", "command|info waitaof", "" },
	{ "evpub", "!dry-run durability=replicas", "wait", "" },
	{ "evpub", "!dry-run max-lag", "xinfo|groups xrange", "" },
	{ "evpub", "!dry-run await", "xread xrevrange", "=await" },
	{ "evpub", "promote",
	  SCRIPTS "time zrangebyscore zremrangebyrank zrange xadd",
	  "S @delayed @critical @high @low" },

	{ "evsub", "",
	  SCRIPTS "time xpending xrange xclaim xack xadd hget hdel hincrby "
		  "expire",
	  "S @fail:% @progress:% @stats:%:* @dlq @redrive:% "
	  "@redrive:%:fail:% @redrive:%:progress:%" },
	{ "evsub", "!settle",
	  "xreadgroup exists get set xinfo|groups xinfo|stream "
	  "xgroup|create xgroup|delconsumer zrangebyscore zremrangebyrank "
	  "zrange client|unblock",
	  "@restored:% @redrive:%:restored:% @delayed @critical @high @low" },
	{ "evsub", "!settle !command", "hmget", "" },
	{ "evsub", "!settle until-end", "xrevrange", "" },
	{ "evsub", "command", "hset", "" },
	{ "evsub", "settle", "hset", "" },
	{ "evsub", "priorities", "",
	  "@critical:fail:% @high:fail:% @low:fail:% "
	  "@critical:progress:% @high:progress:% @low:progress:% "
	  "@critical:restored:% @high:restored:% @low:restored:%" },
	{ "evsub", "command output", "", "=output" },

	{ "evtail", "!delayed", "xrange xrevrange exists", "S" },
	{ "evtail", "!delayed follow", "xread", "" },
	{ "evtail", "since|until", "time", "" },
	{ "evtail", "pattern", "scan", "" },
	{ "evtail", "group", "xinfo|groups xpending hmget", "@fail:% @dlq" },
	{ "evtail", "delayed", "exists zcount zrange zrank", "S @delayed" },

	{ "evlag", "!health",
	  LOOKS "xinfo|stream xinfo|consumers xlen zcard hlen hmget time",
	  "S @dlq @delayed @fail:* @redrive:* @stats:*" },
	{ "evlag", "!health pattern", "scan", "" },
	{ "evlag", "check|alerts|health|format=prometheus|format=nagios",
	  "info", "" },
	{ "evlag", "jobs", SCRIPTS, "@progress:*" },
	{ "evlag", "health", "config|get", "" },

	{ "evtrim", "", "exists time", "S @dlq @delayed" },
	{ "evtrim", "pattern", "scan", "" },
	{ "evtrim", "keep|before|maxlen|max-bytes|dead|policy",
	  SCRIPTS LOOKS "xlen xrevrange memory|usage", "" },
	{ "evtrim", "keep|before|maxlen|max-bytes|dead|policy yes", "xtrim",
	  "" },
	{ "evtrim", "consumers|policy", SCRIPTS "xinfo|groups xinfo|consumers",
	  "" },
	{ "evtrim", "consumers|policy yes", "xgroup|delconsumer", "" },
	{ "evtrim", "delete", SCRIPTS LOOKS, "" },
	{ "evtrim", "delete yes", "xdel", "" },
	{ "evtrim", "delayed", "zscan", "" },
	{ "evtrim", "delayed yes", "zrem", "" },
	{ "evtrim", "yes !no-audit", "xadd", AUDIT_STREAM },

	{ "evdlq", "", "exists xlen xrange xrevrange", "S @dlq" },
	{ "evdlq", "since|until", "time", "" },
	{ "evdlq", "redrive yes", SCRIPTS "xadd xdel", "" },
	{ "evdlq", "redrive yes !to", "", "@redrive:%" },
	{ "evdlq", "redrive yes to", "", "=to" },
	{ "evdlq", "purge yes", "xdel", "" },
	{ "evdlq", "redrive|purge yes !no-audit", "xadd time", AUDIT_STREAM },

	{ "evreplay", "!in !rewind", "time exists xlen xrange xrevrange", "S" },
	{ "evreplay", "to", "xadd", "=to" },
	{ "evreplay", "to checkpoint", "eval hset hsetnx hget hmget",
	  "=to@replay:*" },
	{ "evreplay", "to durability=none", "client|reply", "" },
	{ "evreplay", "to durability=fsync", "command|info waitaof", "" },
	{ "evreplay", "to durability=replicas", "wait", "" },
	{ "evreplay", "rewind",
	  SCRIPTS "time xrange xrevrange xinfo|groups xinfo|stream "
		  "xinfo|consumers",
	  "S" },
	{ "evreplay", "rewind yes", "xgroup|setid", "" },
	{ "evreplay", "rewind yes !no-audit", "xadd", AUDIT_STREAM },
};

struct acl {
	const struct opt_view *view;
	char *const *stream; /* operands */
	size_t streams;
	struct url url;
	struct buf keys, commands;
};

static bool
takes_patterns(const struct acl *a)
{
	return strstr(a->view->program->usage, "PATTERN") != NULL;
}

static bool
needs_no_operand(const struct acl *a)
{
	return strstr(a->view->program->usage, "[STREAM") != NULL;
}

static bool
has_pattern(const struct acl *a)
{
	size_t i;

	for (i = 0; i < a->streams; i++)
		if (text_is_glob(a->stream[i]))
			return true;
	return a->streams == 0;
}

/* Whether one condition of len bytes holds: NAME or NAME=VALUE. */
static bool
holds_one(const struct acl *a, const char *text, size_t len)
{
	char *name = xmemdup0(text, len), *value = strchr(name, '=');
	const char *given;
	bool holds;

	if (value != NULL)
		*value++ = '\0';
	given = opt_given(a->view, name);
	if (strcmp(name, "command") == 0)
		holds = a->view->args->command != NULL;
	else if (strcmp(name, "pattern") == 0)
		holds = has_pattern(a);
	else if (strcmp(name, "db") == 0)
		holds = a->url.db != 0;
	else
		holds = given != NULL &&
			(value == NULL ||
			 strncmp(given, value, strlen(value)) == 0);
	free(name);
	return holds;
}

/* One word of `when`: alternatives, or what must not be. */
static bool
holds(const struct acl *a, const char *word, size_t len)
{
	if (*word == '!')
		return !holds_one(a, word + 1, len - 1);
	for (;;) {
		const char *bar = memchr(word, '|', len);
		size_t one = bar != NULL ? (size_t)(bar - word) : len;

		if (holds_one(a, word, one))
			return true;
		if (bar == NULL)
			return false;
		word += one + 1;
		len -= one + 1;
	}
}

/* The next word of a list; NULL at its end. */
static const char *
next_word(const char **list, size_t *len)
{
	const char *word = *list + strspn(*list, " ");

	*len = strcspn(word, " ");
	*list = word + *len;
	return *len != 0 ? word : NULL;
}

static bool
counts(const struct acl *a, const struct line *line)
{
	const char *list = line->when, *word;
	size_t len;

	if (line->program != NULL && strcmp(line->program, diag_program()) != 0)
		return false;
	while ((word = next_word(&list, &len)) != NULL)
		if (!holds(a, word, len))
			return false;
	return true;
}

/* Append " " and a word, unless it is there. */
static void
add_word(struct buf *words, char sign, const char *text, size_t len)
{
	const char *list = buf_text(words), *word;
	size_t n;

	while ((word = next_word(&list, &n)) != NULL)
		if (n == len + 1 && *word == sign &&
		    memcmp(word + 1, text, len) == 0)
			return;
	buf_addc(words, ' ');
	buf_addc(words, sign);
	buf_add(words, text, len);
}

/* ACL SETUSER refuses patterns behind the one of all keys. */
static void
add_name(struct acl *a, const char *text, size_t len)
{
	if (strcmp(buf_text(&a->keys), " ~*") == 0)
		return;
	if (len == 1 && *text == '*')
		buf_clear(&a->keys);
	add_word(&a->keys, '~', text, len);
}

/* A rule is split at blanks, and redis-cli gives quotes a meaning; in their
 * place stands any character. */
static void
add_pattern(struct buf *out, const char *text, bool literal)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text <= ' ' || *text == 0x7f ||
		    *text == '"' || *text == '\'') {
			buf_addc(out, '?');
			continue;
		}
		if (literal && strchr("*?[]\\", *text) != NULL)
			buf_addc(out, '\\');
		buf_addc(out, *text);
	}
}

/* A key of the table for one stream, an operand or an option's value. */
static void
add_key(struct acl *a, const char *stream, bool literal, const char *suffix,
	size_t len)
{
	const char *group = opt_given(a->view, "group"), *at;
	struct buf name = { 0 }, key = { 0 }, tail = { 0 };

	add_pattern(&name, stream, literal);
	for (at = suffix; at < suffix + len; at++) {
		if (*at != '%')
			buf_addc(&tail, *at);
		else if (group != NULL)
			add_pattern(&tail, group, true);
		else
			buf_addc(&tail, '*');
	}
	if (len == 0)
		buf_adds(&key, buf_text(&name));
	else
		stream_companion(&key, buf_text(&name), buf_text(&tail));
	add_name(a, key.data, key.len);
	buf_release(&name);
	buf_release(&key);
	buf_release(&tail);
}

/* S and @x: for each operand. */
static void
add_operands(struct acl *a, const char *suffix, size_t len)
{
	size_t i;

	if (a->streams == 0 && !needs_no_operand(a))
		opt_usage("--print-acl: a STREAM is missing");
	if (a->streams == 0)
		add_name(a, "*", 1);
	for (i = 0; i < a->streams; i++)
		add_key(a, a->stream[i],
			!takes_patterns(a) || !text_is_glob(a->stream[i]),
			suffix, len);
}

/* =x and =x@y: the stream that option x names, or its companion y. */
static void
add_option(struct acl *a, const char *word, size_t len)
{
	const char *at = memchr(word, '@', len);
	size_t own = at != NULL ? (size_t)(at - word) : len;
	char *name = xmemdup0(word, own);

	add_key(a, opt_given(a->view, name), true, word + own + (at != NULL),
		len - own - (at != NULL));
	free(name);
}

static void
add_line(struct acl *a, const struct line *line)
{
	const char *list = line->keys, *word;
	size_t len;

	while ((word = next_word(&list, &len)) != NULL)
		if (*word == 'S')
			add_operands(a, "", 0);
		else if (*word == '@')
			add_operands(a, word + 1, len - 1);
		else if (*word == '=')
			add_option(a, word + 1, len - 1);
		else
			add_name(a, word, len);
	list = line->commands;
	while ((word = next_word(&list, &len)) != NULL)
		add_word(&a->commands, '+', word, len);
}

void
acl_put(struct buf *out, const struct opt_view *view)
{
	struct acl a = { .view = view,
			 .stream = view->args->operand,
			 .streams = view->args->count };
	const char *url = opt_given(view, "url");
	size_t i;

	if (url != NULL && url_parse(&a.url, url) < 0)
		opt_usage("--url: %s", a.url.error);
	if (strcmp(diag_program(), "evsub") == 0 &&
	    opt_given(view, "settle") == NULL &&
	    opt_given(view, "group") == NULL)
		opt_usage("--print-acl: the --group is missing");
	/* Behind evpub's STREAM come events. */
	if (strcmp(diag_program(), "evpub") == 0 && a.streams > 1 &&
	    opt_given(view, "promote") == NULL)
		a.streams = 1;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (counts(&a, &table[i]))
			add_line(&a, &table[i]);
	buf_adds(out, "ACL SETUSER ");
	add_pattern(out, a.url.user != NULL ? a.url.user : diag_program(),
		    false);
	buf_adds(out, " reset on >PASSWORD resetchannels");
	buf_add(out, a.keys.data, a.keys.len);
	buf_adds(out, " -@all");
	buf_add(out, a.commands.data, a.commands.len);
	buf_addc(out, '\n');
	url_release(&a.url);
	buf_release(&a.keys);
	buf_release(&a.commands);
}
