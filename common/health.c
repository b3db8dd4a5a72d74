#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/health.h"
#include "common/num.h"
#include "common/table.h"
#include "common/when.h"

enum {
	ANSWER_SLOW_MS = 100,
	ANSWER_STUCK_MS = 1000,
	FORK_SLOW_US = 500000,
	REPLICA_LATE_S = 30,
	SAVE_LATE_S = 24 * 3600,
	CLIENTS_FULL = 90 /* percent */
};

/*
 * What INFO says
 */

/* The value of a field, which ends at *len; NULL if it is not there. */
static const char *
field(const struct health *h, const char *name, size_t *len)
{
	const char *at = h->info.data, *end = at + h->info.len;
	size_t n = strlen(name);

	while (h->info.len != 0 && at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		size_t line =
			(size_t)((line_end != NULL ? line_end : end) - at);

		if (line > n && memcmp(at, name, n) == 0 && at[n] == ':') {
			*len = line - n - 1;
			if (*len != 0 && at[line - 1] == '\r')
				--*len;
			return at + n + 1;
		}
		at += line + 1;
	}
	return NULL;
}

static bool
says(const struct health *h, const char *name, const char *value)
{
	size_t len;
	const char *text = field(h, name, &len);

	return text != NULL && len == strlen(value) &&
	       memcmp(text, value, len) == 0;
}

/* -1: unknown. */
static int64_t
number(const struct health *h, const char *name)
{
	size_t len;
	const char *text = field(h, name, &len);
	uint64_t n;

	if (text == NULL || num_u64(text, len, &n) < 0 || n > INT64_MAX)
		return -1;
	return (int64_t)n;
}

static void
copy_field(const struct health *h, const char *name, char *out, size_t size)
{
	size_t len;
	const char *text = field(h, name, &len);

	snprintf(out, size, "%.*s", text != NULL ? (int)len : 0,
		 text != NULL ? text : "");
}

/*
 * Checks
 */

static void __attribute__((format(printf, 5, 6)))
add(struct health *h, const char *name, enum rules_severity state,
    const char *advice, const char *fmt, ...)
{
	struct health_check *check = &h->check[h->count++];
	va_list args;

	*check = (struct health_check){ .name = name,
					.state = state,
					.advice = advice };
	va_start(args, fmt);
	vsnprintf(check->value, sizeof(check->value), fmt, args);
	va_end(args);
	h->worst = rules_worse(h->worst, state);
}

static void
add_unknown(struct health *h, const char *name)
{
	add(h, name, RULES_UNKNOWN,
	    h->has_info ? "the server does not tell"
			: "allow this user INFO (ACL +info)",
	    "%s", "");
}

static void
check_answer(struct health *h)
{
	enum rules_severity state = RULES_OK;

	if (h->answer_ms > ANSWER_STUCK_MS)
		state = RULES_CRITICAL;
	else if (h->answer_ms > ANSWER_SLOW_MS)
		state = RULES_WARNING;
	add(h, "answer", state,
	    state != RULES_OK
		    ? "look at SLOWLOG GET and LATENCY DOCTOR, and at "
		      "the network"
		    : NULL,
	    "%.3g ms", h->answer_ms);
}

static void
check_version(struct health *h)
{
	const char *advice = "streams of evtools need Redis 6.2 or later";
	unsigned major = 0, minor = 0;
	char redis[24], valkey[24];
	bool old;

	copy_field(h, "redis_version", redis, sizeof(redis));
	copy_field(h, "valkey_version", valkey, sizeof(valkey));
	/* cert-err34-c: a version that is none is 0.0, and unknown. */
	// NOLINTNEXTLINE(cert-err34-c)
	if (sscanf(redis, "%u.%u", &major, &minor) != 2) {
		add_unknown(h, "version");
		return;
	}
	old = major < 6 || (major == 6 && minor < 2);
	add(h, "version", old ? RULES_CRITICAL : RULES_OK, old ? advice : NULL,
	    "%s%s", valkey[0] != '\0' ? "Valkey " : "Redis ",
	    valkey[0] != '\0' ? valkey : redis);
}

static void
take_memory(const struct health *h, struct health_memory *m)
{
	int64_t used = number(h, "used_memory"), most = number(h, "maxmemory"),
		system = number(h, "total_system_memory");

	*m = (struct health_memory){ .used = used > 0 ? used : 0 };
	m->is_system = most == 0;
	m->limit = most > 0 ? most : most == 0 && system > 0 ? system : 0;
}

double
health_memory_percent(const struct health_memory *m)
{
	if (m->used <= 0 || m->limit <= 0)
		return NAN;
	return 100.0 * (double)m->used / (double)m->limit;
}

static void
check_memory(struct health *h, const struct rules *rules)
{
	double percent = health_memory_percent(&h->memory);
	enum rules_severity state = rules_memory(rules, percent);
	char used[TABLE_SHORT], limit[TABLE_SHORT];

	if (isnan(percent)) {
		add_unknown(h, "memory");
		return;
	}
	add(h, "memory", state,
	    state != RULES_OK ? "trim with evtrim, or give it more: when it is "
				"full nothing can be published"
			      : NULL,
	    "%.1f%%: %s of %s%s", percent, table_put_size(used, h->memory.used),
	    table_put_size(limit, h->memory.limit),
	    h->memory.is_system ? " of the machine, no maxmemory" : "");
}

/* What a full server does; streams have no time to live, but marks of --dedup
 * and statistics have. */
static void
check_eviction(struct health *h)
{
	char policy[32];
	bool limited = !h->memory.is_system;
	int64_t evicted = number(h, "evicted_keys");

	copy_field(h, "maxmemory_policy", policy, sizeof(policy));
	if (policy[0] == '\0') {
		add_unknown(h, "eviction");
		return;
	}
	if (strncmp(policy, "allkeys-", 8) == 0 && limited)
		add(h, "eviction", RULES_CRITICAL,
		    "CONFIG SET maxmemory-policy noeviction: it drops whole "
		    "streams",
		    "%s, %lld evicted", policy, (long long)evicted);
	else if (strcmp(policy, "noeviction") != 0 && limited)
		add(h, "eviction", RULES_WARNING,
		    "CONFIG SET maxmemory-policy noeviction: it drops marks of "
		    "--dedup early",
		    "%s, %lld evicted", policy, (long long)evicted);
	else if (evicted > 0)
		add(h, "eviction", RULES_WARNING,
		    "keys were lost: once that is settled, CONFIG RESETSTAT",
		    "%s, %lld evicted", policy, (long long)evicted);
	else
		add(h, "eviction", RULES_OK, NULL, "%s%s", policy,
		    limited ? "" : ", no maxmemory");
}

static void
check_loading(struct health *h)
{
	int64_t loading = number(h, "loading"),
		async = number(h, "async_loading");

	if (loading < 0)
		add_unknown(h, "loading");
	else if (loading > 0 || async > 0)
		add(h, "loading", RULES_WARNING,
		    "wait: what it has is not up to date", "it loads its data");
	else
		add(h, "loading", RULES_OK, NULL, "no");
}

static void
check_aof(struct health *h)
{
	int64_t on = number(h, "aof_enabled");

	if (on < 0)
		add_unknown(h, "aof");
	else if (on == 0)
		add(h, "aof", RULES_WARNING,
		    "CONFIG SET appendonly yes: a crash loses what came since "
		    "the last snapshot",
		    "off");
	else if (!says(h, "aof_last_write_status", "ok"))
		add(h, "aof", RULES_CRITICAL,
		    "see the server's log: is the disk full?",
		    "the last write failed");
	else if (says(h, "aof_last_bgrewrite_status", "err"))
		add(h, "aof", RULES_WARNING,
		    "see the server's log: is the disk or memory full?",
		    "the last rewrite failed");
	else if (strcmp(h->fsync, "no") == 0)
		add(h, "aof", RULES_WARNING,
		    "CONFIG SET appendfsync everysec: a crash of the machine "
		    "loses up to 30 s",
		    "on, fsync when the kernel likes");
	else
		add(h, "aof", RULES_OK, NULL, "on%s%s",
		    h->fsync[0] != '\0' ? ", fsync " : "", h->fsync);
}

static void
check_snapshot(struct health *h, int64_t now_ms)
{
	int64_t last = number(h, "rdb_last_save_time"),
		changes = number(h, "rdb_changes_since_last_save"), age_ms;
	bool aof = number(h, "aof_enabled") > 0;
	char age[TABLE_SHORT];

	if (last < 0) {
		add_unknown(h, "snapshot");
		return;
	}
	age_ms = now_ms > last * 1000 ? now_ms - last * 1000 : 0;
	table_put_age(age, age_ms);
	if (says(h, "rdb_last_bgsave_status", "err"))
		add(h, "snapshot", RULES_CRITICAL,
		    "see the server's log: by default it takes no writes until "
		    "one succeeds",
		    "the last one failed");
	else if (!aof && h->has_config && h->save[0] == '\0')
		add(h, "snapshot", RULES_CRITICAL,
		    "turn on AOF or snapshots: a restart loses everything",
		    "off");
	else if (!aof && age_ms / 1000 > SAVE_LATE_S && changes > 0)
		add(h, "snapshot", RULES_WARNING,
		    "see CONFIG GET save: a crash loses what came since",
		    "%s old, %lld changes", age, (long long)changes);
	else
		add(h, "snapshot", RULES_OK, NULL, "%s old, %lld changes", age,
		    (long long)changes);
}

/* The longest that a replica was silent, in s; -1 if one is not online. */
static int64_t
replicas_late(const struct health *h, int64_t replicas)
{
	int64_t i, worst = 0;

	for (i = 0; i < replicas && i < 64; i++) {
		char name[16], text[160];
		const char *lag;
		uint64_t seconds = 0;

		snprintf(name, sizeof(name), "slave%d", (int)i);
		copy_field(h, name, text, sizeof(text));
		lag = strstr(text, ",lag=");
		if (strstr(text, ",state=online") == NULL || lag == NULL ||
		    num_u64(lag + 5, strlen(lag + 5), &seconds) < 0)
			return -1;
		if ((int64_t)seconds > worst)
			worst = (int64_t)seconds;
	}
	return worst;
}

static void
check_replica(struct health *h)
{
	int64_t silent = number(h, "master_last_io_seconds_ago");

	if (!says(h, "master_link_status", "up"))
		add(h, "replication", RULES_CRITICAL,
		    "the link to its master is down: what it has is old",
		    "replica, link down");
	else if (silent > REPLICA_LATE_S)
		add(h, "replication", RULES_WARNING,
		    "its master is silent: what it has may be old",
		    "replica, master silent for %llds", (long long)silent);
	else
		add(h, "replication", RULES_WARNING,
		    "name the master: a replica takes no writes",
		    "replica, link up");
}

static void
check_replication(struct health *h)
{
	int64_t replicas = number(h, "connected_slaves"), late;

	if (says(h, "role", "slave")) {
		check_replica(h);
		return;
	}
	if (replicas < 0) {
		add_unknown(h, "replication");
		return;
	}
	late = replicas_late(h, replicas);
	if (late < 0 || late > REPLICA_LATE_S)
		add(h, "replication", RULES_WARNING,
		    "see INFO replication: a failover now loses events",
		    "master, %lld replicas, one not in step",
		    (long long)replicas);
	else
		add(h, "replication", RULES_OK, NULL, "master, %lld replica%s",
		    (long long)replicas, replicas == 1 ? "" : "s");
}

static void
check_clients(struct health *h)
{
	int64_t now = number(h, "connected_clients"),
		most = number(h, "maxclients"),
		blocked = number(h, "blocked_clients"),
		rejected = number(h, "rejected_connections");
	enum rules_severity state = RULES_OK;
	const char *advice = NULL;
	char of[32] = "";

	if (now < 0 || rejected < 0) {
		add_unknown(h, "clients");
		return;
	}
	if (rejected > 0) {
		state = RULES_WARNING;
		advice = "raise maxclients or find who leaves connections "
			 "open; once settled, CONFIG RESETSTAT";
	}
	if (most > 0 && now * 100 > most * CLIENTS_FULL) {
		state = RULES_CRITICAL;
		advice = "raise maxclients or find who leaves connections open";
	}
	if (most > 0)
		snprintf(of, sizeof(of), " of %lld", (long long)most);
	add(h, "clients", state, advice, "%lld%s, %lld blocked, %lld rejected",
	    (long long)now, of, (long long)blocked, (long long)rejected);
}

static void
check_fork(struct health *h)
{
	int64_t us = number(h, "latest_fork_usec");
	bool slow = us > FORK_SLOW_US;

	if (us < 0)
		add_unknown(h, "fork");
	else if (us == 0)
		add(h, "fork", RULES_OK, NULL, "none yet");
	else
		add(h, "fork", slow ? RULES_WARNING : RULES_OK,
		    slow ? "the server stands still meanwhile: turn off huge "
			   "pages, or keep less in it"
			 : NULL,
		    "%.3g ms", (double)us / 1000);
}

void
health_judge(struct health *h, const struct rules *rules)
{
	h->count = 0;
	h->worst = RULES_OK;
	take_memory(h, &h->memory);
	check_answer(h);
	check_version(h);
	check_memory(h, rules);
	check_eviction(h);
	check_loading(h);
	check_aof(h);
	check_snapshot(h, when_local_now());
	check_replication(h);
	check_clients(h);
	check_fork(h);
}

/*
 * Asking
 */

/* Keep the text of INFO; none if it was refused.  0, or -1. */
static int
take_info(struct health *h, struct conn *c)
{
	struct reply *r = conn_reply(c, 0);
	const char *text;
	size_t len;

	buf_clear(&h->info);
	h->has_info = false;
	if (r == NULL)
		return -1;
	if (!reply_is(r, 0, REPLY_STRING))
		return 0;
	text = reply_text(r, 0, &len);
	buf_add(&h->info, text, len);
	h->has_info = true;
	return 0;
}

/* The value that CONFIG GET answers; "" if it was refused.  0, or -1. */
static int
take_config(struct health *h, struct conn *c, char *out, size_t size)
{
	struct reply *r = conn_reply(c, 0);

	*out = '\0';
	if (r == NULL)
		return -1;
	h->has_config = reply_is(r, 0, REPLY_ARRAY) && r->node[0].len == 2 &&
			reply_is(r, 2, REPLY_STRING);
	if (h->has_config) {
		size_t len;
		const char *text = reply_text(r, 2, &len);

		snprintf(out, size, "%.*s", (int)(len < 200 ? len : 200), text);
	}
	return 0;
}

int
health_read(struct health *h, struct conn *c, const struct rules *rules)
{
	struct timespec start, end;

	clock_gettime(CLOCK_MONOTONIC, &start);
	conn_commandv(c, "PING", NULL);
	if (conn_reply(c, 0) == NULL)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	h->answer_ms = (double)(end.tv_sec - start.tv_sec) * 1e3 +
		       (double)(end.tv_nsec - start.tv_nsec) / 1e6;
	conn_commandv(c, "INFO", NULL);
	conn_commandv(c, "CONFIG", "GET", "appendfsync", NULL);
	conn_commandv(c, "CONFIG", "GET", "save", NULL);
	if (take_info(h, c) < 0 ||
	    take_config(h, c, h->fsync, sizeof(h->fsync)) < 0 ||
	    take_config(h, c, h->save, sizeof(h->save)) < 0)
		return -1;
	health_judge(h, rules);
	return 0;
}

int
health_read_memory(struct conn *c, struct health_memory *m)
{
	struct health h = { 0 };
	int rc;

	*m = (struct health_memory){ 0 };
	conn_commandv(c, "INFO", "memory", NULL);
	rc = take_info(&h, c);
	if (rc == 0)
		take_memory(&h, m);
	health_release(&h);
	return rc;
}

void
health_release(struct health *h)
{
	buf_release(&h->info);
}
