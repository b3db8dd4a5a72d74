#include <jq.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/compare.h"
#include "common/diag.h"
#include "common/filter.h"
#include "common/mem.h"
#include "common/stop.h"
#include "common/text.h"

struct filter {
	const char *text;     /* borrowed */
	struct compare plain; /* if is_plain */
	bool is_plain;
	jq_state *jq;          /* NULL until it is needed */
	bool named;            /* the program is given the names, see prefix */
	struct buf input;      /* what jq is given to parse */
	struct buf complaints; /* of jq, while it compiles */
	struct json_doc check; /* of what jq printed */
	char error[FILTER_ERROR];
};

/* The names differ from event to event, but jq's named arguments are constants
 * of the compiled program.  So they come with the event, in one array. */
static const char prefix[] =
	". as [$id, $stream, $group, $deliveries] | .[4] | ";

/* Keep the start of a reason, as one printable line. */
static void
set_error(char error[FILTER_ERROR], const char *text, size_t len)
{
	size_t done = 0, at = 0;

	while (at < len) {
		size_t n = text_utf8_len(text + at, len - at);
		bool printable = n != 0 && !text_is_control(text + at, n);

		if (n == 0)
			n = 1;
		if (done + n >= FILTER_ERROR)
			break;
		if (printable)
			memcpy(error + done, text + at, n);
		else
			error[done] = ' ';
		done += printable ? n : 1;
		at += n;
	}
	while (done > 0 && error[done - 1] == ' ')
		done--;
	error[done] = '\0';
}

static void
set_reason(struct filter *f, const char *text)
{
	set_error(f->error, text, strlen(text));
}

/* Consume a value that jq gave as a reason. */
static void
set_reason_jv(struct filter *f, jv reason)
{
	if (jv_get_kind(reason) == JV_KIND_INVALID) {
		jv_free(reason);
		set_reason(f, "failed without a reason");
		return;
	}
	if (jv_get_kind(reason) != JV_KIND_STRING)
		reason = jv_dump_string(reason, 0);
	set_error(f->error, jv_string_value(reason),
		  (size_t)jv_string_length_bytes(jv_copy(reason)));
	jv_free(reason);
}

static void
on_complaint(void *data, jv message)
{
	struct filter *f = data;

	if (jv_get_kind(message) == JV_KIND_STRING && f->complaints.len == 0)
		buf_adds(&f->complaints, jv_string_value(message));
	jv_free(message);
}

static void
on_debug(void *data, jv message)
{
	(void)data;
	message = jv_dump_string(message, 0);
	info("filter: %s", jv_string_value(message));
	jv_free(message);
}

/* `input` and `inputs` find nothing more: the one input is the event. */
static jv
on_input(jq_state *jq, void *data)
{
	(void)jq;
	(void)data;
	return jv_invalid();
}

static void
on_no_memory(void *data)
{
	(void)data;
	die(EXIT_OUTPUT, "out of memory");
}

static const char *
skip_string(const char *s)
{
	for (s++; *s != '\0' && *s != '"'; s++)
		if (*s == '\\' && s[1] != '\0')
			s++;
	return *s == '"' ? s + 1 : s;
}

static const char *
skip_blanks(const char *s)
{
	for (;;) {
		s += strspn(s, " \t\r\n");
		if (*s != '#')
			return s;
		s += strcspn(s, "\n");
	}
}

static bool
is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

static bool
starts_with_word(const char *s, const char *word)
{
	size_t len = strlen(word);

	return strncmp(s, word, len) == 0 && !is_name(s[len]);
}

/* Where the directives end that jq wants before anything else. */
static const char *
skip_directives(const char *program)
{
	const char *end = program;

	for (;;) {
		const char *s = skip_blanks(end);

		if (!starts_with_word(s, "import") &&
		    !starts_with_word(s, "include") &&
		    !starts_with_word(s, "module"))
			return end;
		while (*s != '\0' && *s != ';') {
			if (*s == '"')
				s = skip_string(s);
			else if (*s == '#')
				s = skip_blanks(s);
			else
				s++;
		}
		if (*s == '\0')
			return end;
		end = s + 1;
	}
}

/* Whether one of the bound names occurs, if only in a comment. */
static bool
mentions_names(const char *program)
{
	static const char *const names[] = { "id", "stream", "group",
					     "deliveries" };
	const char *s = program;
	size_t i;

	while ((s = strchr(s, '$')) != NULL) {
		s = skip_blanks(s + 1);
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (starts_with_word(s, names[i]))
				return true;
	}
	return false;
}

/* The directories of $JQ_LIBRARY_PATH. */
static jv
library_path(void)
{
	const char *s = getenv("JQ_LIBRARY_PATH");
	jv dirs = jv_array();

	while (s != NULL && *s != '\0') {
		size_t len = strcspn(s, ":");

		if (len != 0 && len <= INT_MAX)
			dirs = jv_array_append(dirs,
					       jv_string_sized(s, (int)len));
		s += len + (s[len] == ':');
	}
	return dirs;
}

static jv
arguments(void)
{
	jv args =
		jv_object_set(jv_object(), jv_string("positional"), jv_array());

	args = jv_object_set(args, jv_string("named"), jv_object());
	return jv_object_set(jv_object(), jv_string("ARGS"), args);
}

/* jq would read definitions from $HOME/.jq, and may ask the password file for
 * another home if there is no HOME: so it is given one that has none. */
static int
compile_without_home(jq_state *jq, const char *program)
{
	const char *value = getenv("HOME");
	char *home = value != NULL ? xstrdup(value) : NULL;
	int ok;

	setenv("HOME", "/dev/null", 1);
	ok = jq_compile_args(jq, program, arguments());
	if (home != NULL)
		setenv("HOME", home, 1);
	else
		unsetenv("HOME");
	free(home);
	return ok ? 0 : -1;
}

/*
 * jq says "jq: error: WHAT at <top-level>, line N:" and then quotes that line,
 * which may be longer than the user's.  Leaves "WHAT at line N".
 */
static void
set_complaint(struct filter *f)
{
	static const char lead[] = "jq: error: ", file[] = "<top-level>, ";
	char *text, *at;

	if (f->complaints.len == 0) {
		set_reason(f, "jq does not say why it refuses it");
		return;
	}
	buf_text(&f->complaints);
	text = f->complaints.data;
	if (strncmp(text, lead, strlen(lead)) == 0)
		text += strlen(lead);
	at = strstr(text, file);
	if (at != NULL) {
		memmove(at, at + strlen(file), strlen(at + strlen(file)) + 1);
		at += strcspn(at, ":,\n");
	} else {
		at = text + strcspn(text, "\n");
	}
	set_error(f->error, text, (size_t)(at - text));
}

static int
compile(struct filter *f)
{
	struct buf program = { 0 };
	const char *rest = f->text;
	int rc;

	f->jq = jq_init();
	if (f->jq == NULL)
		on_no_memory(NULL);
	jq_set_nomem_handler(f->jq, on_no_memory, NULL);
	jq_set_error_cb(f->jq, on_complaint, f);
	jq_set_debug_cb(f->jq, on_debug, NULL);
	jq_set_input_cb(f->jq, on_input, NULL);
	jq_set_attr(f->jq, jv_string("JQ_LIBRARY_PATH"), library_path());
	jq_set_attr(f->jq, jv_string("JQ_ORIGIN"), jv_string("."));
	jq_set_attr(f->jq, jv_string("PROGRAM_ORIGIN"), jv_string("."));

	f->named = mentions_names(f->text);
	if (f->named) {
		rest = skip_directives(f->text);
		buf_add(&program, f->text, (size_t)(rest - f->text));
		buf_adds(&program, prefix);
	}
	buf_adds(&program, rest);
	rc = compile_without_home(f->jq, buf_text(&program));
	buf_release(&program);
	if (rc < 0) {
		set_complaint(f);
		jq_teardown(&f->jq);
	}
	buf_release(&f->complaints);
	return rc;
}

struct filter *
filter_open(const char *text, char error[FILTER_ERROR])
{
	struct filter *f = xcalloc(1, sizeof(*f));

	f->text = text;
	f->is_plain = compare_parse(&f->plain, text) == 0;
	if (f->is_plain || compile(f) == 0)
		return f;
	memcpy(error, f->error, sizeof(f->error));
	filter_close(f);
	return NULL;
}

bool
filter_is_plain(const struct filter *f)
{
	return f->is_plain;
}

/* The number that \uXXXX at s stands for; the digits were checked. */
static unsigned
escape_value(const char *s)
{
	char hex[5] = { s[2], s[3], s[4], s[5], '\0' };

	return (unsigned)strtoul(hex, NULL, 16);
}

/* jq 1.6 refuses a high surrogate that stands alone; later ones take it for
 * U+FFFD, as we do. */
static void
repair_surrogates(char *s)
{
	while ((s = strchr(s, '\\')) != NULL) {
		unsigned code;

		if (s[1] != 'u') {
			s += 2;
			continue;
		}
		code = escape_value(s);
		if (code >= 0xd800 && code < 0xdc00 && s[6] == '\\' &&
		    s[7] == 'u' && escape_value(s + 6) >= 0xdc00 &&
		    escape_value(s + 6) < 0xe000) {
			s += 12;
			continue;
		}
		if (code >= 0xd800 && code < 0xe000)
			memcpy(s + 2, "fffd", 4);
		s += 6;
	}
}

/* jq 1.6 reads on to a NUL when it quotes what it could not parse. */
static jv
parse(struct filter *f, const struct json_doc *doc)
{
	static const char quote[] = " (while parsing";
	jv value, reason;
	const char *text;
	size_t len;

	if (doc->root.len > INT_MAX)
		return jv_invalid_with_msg(jv_string("too long for jq"));
	buf_clear(&f->input);
	buf_add(&f->input, doc->root.text, doc->root.len);
	buf_text(&f->input);
	repair_surrogates(f->input.data);
	value = jv_parse_sized(f->input.data, (int)f->input.len);
	if (jv_is_valid(value))
		return value;
	reason = jv_invalid_get_msg(value);
	if (jv_get_kind(reason) != JV_KIND_STRING)
		return jv_invalid_with_msg(reason);
	text = jv_string_value(reason);
	len = strlen(text);
	if (strstr(text, quote) != NULL)
		len = (size_t)(strstr(text, quote) - text);
	value = jv_invalid_with_msg(
		jv_string_fmt("jq cannot read it: %.*s", (int)len, text));
	jv_free(reason);
	return value;
}

static jv
string_or_null(const char *text)
{
	return text != NULL ? jv_string(text) : jv_null();
}

static jv
with_names(jv event, const struct filter_names *names)
{
	jv all = jv_array_sized(5);

	all = jv_array_append(all, string_or_null(names->id));
	all = jv_array_append(all, string_or_null(names->stream));
	all = jv_array_append(all, string_or_null(names->group));
	all = jv_array_append(all,
			      names->deliveries < 0
				      ? jv_null()
				      : jv_number((double)names->deliveries));
	return jv_array_append(all, event);
}

static int
start(struct filter *f, const struct json_doc *doc,
      const struct filter_names *names)
{
	jv input = parse(f, doc);

	if (!jv_is_valid(input)) {
		set_reason_jv(f, jv_invalid_get_msg(input));
		return -1;
	}
	jq_start(f->jq, f->named ? with_names(input, names) : input, 0);
	return 0;
}

/* What it means that there is no further result, `last`, which is consumed. */
static int
finish(struct filter *f, jv last)
{
	if (jq_halted(f->jq)) {
		jv code = jq_get_exit_code(f->jq);
		bool failed = jv_is_valid(code);

		jv_free(code);
		jv_free(last);
		if (!failed)
			return 0;
		set_reason_jv(f, jq_get_error_message(f->jq));
		return -1;
	}
	if (!jv_invalid_has_msg(jv_copy(last))) {
		jv_free(last);
		return 0;
	}
	set_reason_jv(f, jv_invalid_get_msg(last));
	return -1;
}

static int
match(struct filter *f)
{
	bool any = false;
	jv result;

	while (jv_is_valid(result = jq_next(f->jq))) {
		jv_kind kind = jv_get_kind(result);

		jv_free(result);
		if (kind == JV_KIND_NULL || kind == JV_KIND_FALSE)
			return 0;
		any = true;
	}
	return finish(f, result) < 0 ? -1 : any;
}

/* In place of what is nested too deep for it, jq prints a remark that is no
 * JSON, and calls it a success. */
static int
print(struct filter *f, jv result, struct buf *out, char terminator)
{
	jv dump = jv_dump_string(result, 0);
	const char *text = jv_string_value(dump);
	size_t len = (size_t)jv_string_length_bytes(jv_copy(dump));
	int rc = json_scan(&f->check, text, len);

	if (rc == 0) {
		buf_add(out, text, len);
		buf_addc(out, terminator);
	} else {
		set_reason(f, "a result is nested too deep to be printed");
	}
	jv_free(dump);
	return rc;
}

static int
print_all(struct filter *f, struct buf *out, char terminator)
{
	jv result;

	while (jv_is_valid(result = jq_next(f->jq)))
		if (print(f, result, out, terminator) < 0)
			return -1;
	return finish(f, result);
}

int
filter_match(struct filter *f, const struct json_doc *doc,
	     const struct filter_names *names)
{
	int rc;

	f->error[0] = '\0';
	if (f->is_plain) {
		rc = compare_match(&f->plain, doc);
		if (rc < 0)
			set_reason(f, compare_error(&f->plain));
		return rc;
	}
	if (start(f, doc, names) < 0)
		return -1;
	stop_note(f->text);
	rc = match(f);
	stop_note(NULL);
	return rc;
}

int
filter_run(struct filter *f, const struct json_doc *doc,
	   const struct filter_names *names, struct buf *out, char terminator)
{
	int rc;

	f->error[0] = '\0';
	if ((f->jq == NULL && compile(f) < 0) || start(f, doc, names) < 0)
		return -1;
	stop_note(f->text);
	rc = print_all(f, out, terminator);
	stop_note(NULL);
	return rc;
}

const char *
filter_error(const struct filter *f)
{
	return f->error;
}

void
filter_close(struct filter *f)
{
	if (f == NULL)
		return;
	if (f->jq != NULL)
		jq_teardown(&f->jq);
	compare_release(&f->plain);
	json_release(&f->check);
	buf_release(&f->input);
	buf_release(&f->complaints);
	free(f);
}
