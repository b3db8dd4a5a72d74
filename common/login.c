#include <string.h>

#include "common/command.h"
#include "common/diag.h"
#include "common/login.h"

enum { AUTH, SELECT, SETNAME, ID, PING, STEPS };

static const char *const names[STEPS] = {
	[AUTH] = "AUTH",    [SELECT] = "SELECT", [SETNAME] = "CLIENT SETNAME",
	[ID] = "CLIENT ID", [PING] = "PING",
};

static bool
is_due(const struct login *l, unsigned step)
{
	return (step != AUTH || l->password != NULL) &&
	       (step != SELECT || l->db != 0);
}

static void
skip_steps(struct login *l)
{
	while (l->step < STEPS && !is_due(l, l->step))
		l->step++;
}

void
login_begin(struct login *l, struct buf *out)
{
	l->client_id = 0;
	l->needless = false;
	l->said[0] = '\0';
	l->step = 0;
	skip_steps(l);
	if (is_due(l, AUTH)) {
		command_begin(out, l->user != NULL ? 3 : 2);
		command_adds(out, "AUTH");
		if (l->user != NULL)
			command_adds(out, l->user);
		command_adds(out, l->password);
	}
	if (is_due(l, SELECT)) {
		command_begin(out, 2);
		command_adds(out, "SELECT");
		command_addu(out, l->db);
	}
	command_begin(out, 3);
	command_adds(out, "CLIENT");
	command_adds(out, "SETNAME");
	command_adds(out, diag_program());
	command_begin(out, 2);
	command_adds(out, "CLIENT");
	command_adds(out, "ID");
	command_begin(out, 1);
	command_adds(out, "PING");
}

/* Whether the complaint starts with this word. */
static bool
says(const struct login *l, const char *code)
{
	size_t len = strlen(code);

	return strncmp(l->said, code, len) == 0 &&
	       (l->said[len] == ' ' || l->said[len] == '\0');
}

/* A server that has renamed AUTH quotes its arguments: the password. */
static void
hide_arguments(struct login *l)
{
	char *args = strstr(l->said, ", with args");

	if (args != NULL)
		*args = '\0';
}

/*
 * Without its name a connection works as well, so most complaints about the
 * steps behind SELECT are no reason to give up: NOPERM, and MISCONF, which
 * refuses even PING though streams can be read.  DENIED (protected mode) comes
 * in place of the first reply, whatever was asked.
 */
static enum login_state
judge(struct login *l, const struct reply *r)
{
	enum reply_fault fault = reply_fault(r, 0);

	reply_complaint(r, 0, l->said, sizeof(l->said));
	if (l->step == AUTH)
		hide_arguments(l);
	if (l->step == AUTH &&
	    strstr(l->said, "without any password configured") != NULL) {
		l->needless = true;
		return LOGIN_MORE;
	}
	if (says(l, "DENIED") || says(l, "NOAUTH"))
		return LOGIN_REFUSED;
	if (l->step <= SELECT)
		return fault == REPLY_FAULT_RETRY ? LOGIN_LATER : LOGIN_REFUSED;
	if (fault == REPLY_FAULT_RETRY && !says(l, "MISCONF"))
		return LOGIN_LATER;
	debug("%s: %s", names[l->step], l->said);
	return LOGIN_MORE;
}

enum login_state
login_take(struct login *l, const struct reply *r)
{
	enum login_state state = LOGIN_MORE;
	int64_t id;

	if (reply_is(r, 0, REPLY_ERROR))
		state = judge(l, r);
	else if (l->step == ID && reply_number(r, 0, &id) == 0 && id > 0)
		l->client_id = (uint64_t)id;
	if (state != LOGIN_MORE)
		return state;
	l->step++;
	skip_steps(l);
	return l->step == STEPS ? LOGIN_DONE : LOGIN_MORE;
}
