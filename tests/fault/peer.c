/*
 * peer SOCKET [WORD:REPLY[!ACTION]]... - a server that misbehaves as told
 *
 * Listens on a unix socket, says "ready" on standard output, and answers
 * commands until it is killed.  A login is answered as Redis would; the commands
 * of a rule, named by their first word (or *, any other), by the rule's REPLY,
 * in which \r \n \\ \0 stand for those bytes.  Then comes the ACTION: `hang`
 * (say nothing more), `close`, `flood` (the reply again and again).  What no rule
 * names is an unknown command.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { WORD = 64, REPLY = 4096 };

struct rule {
	char word[WORD];
	char reply[REPLY];
	size_t len;
	const char *action; /* NULL: none */
};

static struct rule *rules;
static int rule_count;

static void
parse_rule(struct rule *r, const char *text)
{
	const char *colon = strchr(text, ':');
	const char *end = strrchr(text, '!'), *c;

	if (colon == NULL || colon - text >= WORD) {
		fprintf(stderr, "peer: not WORD:REPLY: %s\n", text);
		exit(2);
	}
	memcpy(r->word, text, (size_t)(colon - text));
	r->action = end != NULL ? end + 1 : NULL;
	if (end == NULL)
		end = text + strlen(text);
	for (c = colon + 1; c < end && r->len < REPLY; c++) {
		char byte = *c;

		if (byte == '\\' && c + 1 < end) {
			byte = *++c;
			byte = byte == 'r'   ? '\r'
			       : byte == 'n' ? '\n'
			       : byte == '0' ? '\0'
					     : byte;
		}
		r->reply[r->len++] = byte;
	}
}

static void
put(FILE *to, const char *bytes, size_t len)
{
	if (fwrite(bytes, 1, len, to) != len)
		_exit(0);
}

static long
number(FILE *from, char mark)
{
	char line[64];

	if (fgets(line, sizeof(line), from) == NULL || line[0] != mark)
		_exit(0);
	return atol(line + 1);
}

/* Read a command; keep the first two words of it. */
static void
read_command(FILE *from, char word[2][WORD])
{
	long argc = number(from, '*'), i, k;

	memset(word, 0, 2 * sizeof(word[0]));
	for (i = 0; i < argc; i++) {
		long len = number(from, '$');

		for (k = 0; k < len + 2; k++) {
			int c = getc(from);

			if (c == EOF)
				_exit(0);
			if (i < 2 && k < len && k < WORD - 1)
				word[i][k] = (char)c;
		}
	}
}

static const struct rule *
find_rule(const char *word)
{
	int i;

	for (i = 0; i < rule_count; i++)
		if (strcasecmp(rules[i].word, word) == 0 ||
		    strcmp(rules[i].word, "*") == 0)
			return &rules[i];
	return NULL;
}

static const char *
login_reply(char word[2][WORD])
{
	if (strcmp(word[0], "PING") == 0)
		return "+PONG\r\n";
	if (strcmp(word[0], "CLIENT") == 0 && strcmp(word[1], "SETNAME") == 0)
		return "+OK\r\n";
	if (strcmp(word[0], "CLIENT") == 0 && strcmp(word[1], "ID") == 0)
		return ":77\r\n";
	return NULL;
}

static void
act(const struct rule *rule, FILE *from, FILE *to)
{
	if (rule->action == NULL)
		return;
	fflush(to);
	if (strcmp(rule->action, "hang") == 0)
		while (getc(from) != EOF)
			;
	if (strcmp(rule->action, "flood") == 0)
		for (;;)
			put(to, rule->reply, rule->len);
	_exit(0);
}

static void
serve(int fd)
{
	FILE *from = fdopen(fd, "r"), *to = fdopen(dup(fd), "w");
	char word[2][WORD];

	if (from == NULL || to == NULL)
		_exit(1);
	for (;;) {
		const char *login;
		const struct rule *rule;

		read_command(from, word);
		login = login_reply(word);
		rule = find_rule(word[0]);
		if (login != NULL) {
			put(to, login, strlen(login));
		} else if (rule != NULL) {
			put(to, rule->reply, rule->len);
			act(rule, from, to);
		} else {
			static const char unknown[] =
				"-ERR unknown command\r\n";

			put(to, unknown, sizeof(unknown) - 1);
		}
		if (fflush(to) != 0)
			_exit(0);
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd, i;

	if (argc < 2 || strlen(argv[1]) >= sizeof(at.sun_path)) {
		fprintf(stderr,
			"usage: peer SOCKET [WORD:REPLY[!ACTION]]...\n");
		return 2;
	}
	rule_count = argc - 2;
	rules = calloc((size_t)argc, sizeof(*rules));
	if (rules == NULL)
		return 1;
	for (i = 0; i < rule_count; i++)
		parse_rule(&rules[i], argv[i + 2]);
	memcpy(at.sun_path, argv[1], strlen(argv[1]));
	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(listener, 8) < 0) {
		perror(argv[1]);
		return 1;
	}
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	puts("ready");
	fflush(stdout);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		if (fork() == 0) {
			close(listener);
			alarm(60);
			serve(fd);
		}
		close(fd);
	}
	return 0;
}
