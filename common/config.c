#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/text.h"

enum { MAX_BYTES = 1 << 20, MAX_PATH_SHOWN = 160 };

/* Where the parser is; the line's end is a NUL in config.text. */
struct parser {
	struct config *config;
	const char *section;
	size_t lines_cap, sections_cap;
	unsigned number;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *
skip_blanks(char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

static bool
is_end_or_comment(const char *s)
{
	return *s == '\0' || *s == '#' || *s == ';';
}

static int
fail(struct parser *p, const char *what)
{
	snprintf(p->config->error, sizeof(p->config->error), "%.*s:%u: %s",
		 MAX_PATH_SHOWN, p->config->path, p->number, what);
	return -1;
}

/* Where a name that starts at s ends: its delimiter; NULL if the line or a
 * comment comes first. */
static char *
find_delimiter(char *s, char delimiter)
{
	for (; *s != '\0' && *s != delimiter; s++)
		if (is_blank(*s) && (s[1] == '#' || s[1] == ';'))
			return NULL;
	return *s == delimiter ? s : NULL;
}

/* End the text at s before a comment and the blanks in front of it. */
static void
cut_comment(char *s)
{
	char *end = s;

	for (; *s != '\0'; s++) {
		if ((*s == '#' || *s == ';') && is_blank(s[-1]))
			break;
		if (!is_blank(*s))
			end = s + 1;
	}
	*end = '\0';
}

/* Unescape in place the quoted value that starts at s. */
static int
unquote(struct parser *p, char *s)
{
	char *from = s + 1, *to = s;

	for (; *from != '"'; from++) {
		if (*from == '\\') {
			from++;
			if (*from == '\0' || strchr("\"\\n", *from) == NULL)
				return fail(p, "\\ must be followed by "
					       "\", \\ or n");
			*to++ = *from == 'n' ? '\n' : *from;
		} else if (*from == '\0') {
			return fail(p, "no closing quote");
		} else {
			*to++ = *from;
		}
	}
	if (from[1] != '\0' &&
	    (!is_blank(from[1]) || !is_end_or_comment(skip_blanks(from + 1))))
		return fail(p, "text behind the closing quote");
	*to = '\0';
	return 0;
}

static int
parse_header(struct parser *p, char *s)
{
	struct config *c = p->config;
	char *name = skip_blanks(s + 1), *end = find_delimiter(name, ']');

	if (end == NULL)
		return fail(p, "no closing ] of a section's name");
	if (!is_end_or_comment(skip_blanks(end + 1)))
		return fail(p, "text behind a section's name");
	while (end > name && is_blank(end[-1]))
		end--;
	if (end == name)
		return fail(p, "a section without a name");
	*end = '\0';
	if (c->section_count == p->sections_cap) {
		p->sections_cap =
			mem_grow(p->sections_cap, p->sections_cap + 8);
		c->section = xreallocarray(c->section, p->sections_cap,
					   sizeof(*c->section));
	}
	c->section[c->section_count++] = p->section = name;
	return 0;
}

static int
parse_setting(struct parser *p, char *name)
{
	struct config *c = p->config;
	char *equals = find_delimiter(name, '='), *end = equals, *value;

	if (equals == NULL)
		return fail(p, "neither \"name = value\" nor \"[section]\"");
	while (end > name && is_blank(end[-1]))
		end--;
	if (end == name)
		return fail(p, "a value without a name");
	*end = '\0';
	value = skip_blanks(equals + 1);
	if (*value == '"') {
		if (unquote(p, value) < 0)
			return -1;
	} else {
		cut_comment(value);
	}
	if (c->count == p->lines_cap) {
		p->lines_cap = mem_grow(p->lines_cap, p->lines_cap + 16);
		c->line =
			xreallocarray(c->line, p->lines_cap, sizeof(*c->line));
	}
	c->line[c->count++] =
		(struct config_line){ p->section, name, value, p->number };
	return 0;
}

static int
parse_line(struct parser *p, char *s)
{
	s = skip_blanks(s);
	if (is_end_or_comment(s))
		return 0;
	return *s == '[' ? parse_header(p, s) : parse_setting(p, s);
}

static int
check_bytes(struct parser *p, const char *s, size_t len)
{
	if (memchr(s, '\0', len) != NULL)
		return fail(p, "a NUL byte");
	if (text_utf8_prefix(s, len) != len)
		return fail(p, "not UTF-8");
	return 0;
}

int
config_parse(struct config *c, const char *path, const char *text, size_t len)
{
	struct parser p = { .config = c, .section = "" };
	char *at, *end;

	*c = (struct config){ .path = path };
	if (len > MAX_BYTES) {
		snprintf(c->error, sizeof(c->error), "%.*s: larger than 1 MiB",
			 MAX_PATH_SHOWN, path);
		return -1;
	}
	c->text = at = xmemdup0(text, len);
	end = at + len;
	if (len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	while (at < end) {
		char *next = memchr(at, '\n', (size_t)(end - at));
		char *stop = next != NULL ? next : end;

		p.number++;
		if (next != NULL && stop > at && stop[-1] == '\r')
			stop--;
		*stop = '\0';
		if (check_bytes(&p, at, (size_t)(stop - at)) < 0 ||
		    parse_line(&p, at) < 0)
			return -1;
		at = next != NULL ? next + 1 : end;
	}
	return 0;
}

/* The file's name; NULL if none can be told.  *required is whether it must be
 * there. */
static char *
find_path(bool *required)
{
	const char *named = getenv("EV_CONFIG"), *base;
	struct buf path = { 0 };

	*required = named != NULL && *named != '\0';
	if (*required)
		return xstrdup(named);
	base = getenv("XDG_CONFIG_HOME"); /* to be ignored if not absolute */
	if (base != NULL && *base == '/') {
		buf_adds(&path, base);
	} else {
		base = getenv("HOME");
		if (base == NULL || *base == '\0')
			return NULL;
		buf_adds(&path, base);
		buf_adds(&path, "/.config");
	}
	buf_adds(&path, "/ev/config");
	buf_text(&path);
	return path.data;
}

static int
fail_file(struct config *c)
{
	snprintf(c->error, sizeof(c->error), "%.*s: %s", MAX_PATH_SHOWN,
		 c->path, strerror(errno));
	return -1;
}

/* The path is the config's from now on. */
static int
read_file(struct config *c, char *path, bool required)
{
	struct buf text = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	*c = (struct config){ 0 };
	if (fd < 0 && !required && (errno == ENOENT || errno == ENOTDIR)) {
		free(path);
		return 0;
	}
	c->path = c->owned_path = path;
	if (fd < 0)
		return fail_file(c);
	rc = file_read_fd(fd, MAX_BYTES, &text);
	if (rc < 0 && errno != EFBIG)
		fail_file(c);
	else
		rc = config_parse(c, path, text.data, text.len);
	c->owned_path = path;
	close(fd);
	buf_release(&text);
	return rc;
}

int
config_read(struct config *c, const char *path)
{
	return read_file(c, xstrdup(path), true);
}

int
config_load(struct config *c)
{
	bool required;
	char *path = find_path(&required);

	*c = (struct config){ 0 };
	return path == NULL ? 0 : read_file(c, path, required);
}

const char *
config_get(const struct config *c, const char *section, const char *name)
{
	size_t i;

	for (i = c->count; i > 0; i--) {
		const struct config_line *line = &c->line[i - 1];

		if (strcmp(line->section, section) == 0 &&
		    strcmp(line->name, name) == 0)
			return line->value;
	}
	return NULL;
}

int
config_has_section(const struct config *c, const char *section)
{
	size_t i;

	if (*section == '\0')
		return 1;
	for (i = 0; i < c->section_count; i++)
		if (strcmp(c->section[i], section) == 0)
			return 1;
	return 0;
}

/* Whether a value would be read back as it is without quotes. */
static bool
is_plain(const char *value)
{
	size_t len = strlen(value), i;

	if (len == 0)
		return true;
	if (is_blank(*value) || *value == '"' || *value == '#' ||
	    *value == ';' || is_blank(value[len - 1]))
		return false;
	for (i = 0; i < len; i++)
		if (value[i] == '\n' || value[i] == '\r' ||
		    (i > 0 && (value[i] == '#' || value[i] == ';') &&
		     is_blank(value[i - 1])))
			return false;
	return true;
}

void
config_put_value(struct buf *out, const char *value)
{
	if (is_plain(value)) {
		buf_adds(out, value);
		return;
	}
	buf_addc(out, '"');
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\' || *value == '\n')
			buf_addc(out, '\\');
		buf_addc(out, *value == '\n' ? 'n' : *value);
	}
	buf_addc(out, '"');
}

void
config_release(struct config *c)
{
	free(c->text);
	free(c->line);
	free(c->section);
	free(c->owned_path);
	c->text = NULL;
	c->line = NULL;
	c->section = NULL;
	c->owned_path = NULL;
	c->path = NULL;
	c->count = c->section_count = 0;
}
