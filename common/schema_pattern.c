#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/schema_state.h"

/*
 * Patterns are ECMA-262's, which PCRE2 nearly speaks.  What it is told or given
 * in other words:
 *
 *     $           the very end, not before a last line feed
 *     \uXXXX      a code unit; a pair of surrogates one character
 *     [] and [^]  nothing and anything
 *     \d \w       ASCII, as PCRE2 has them without Unicode properties
 *     \s          with the blanks of Unicode, as ECMA-262 has it
 *     \p{Letter}  the long names of general categories
 *     \cj         control characters in lower case, too
 *
 * Look-behinds of variable length are errors when the pattern is loaded.
 */
enum {
	MATCH_LIMIT = 200000, /* backtracks */
	HEAP_KIB = 4096
};

struct schema_pattern {
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *context;
};

/* Unicode's long names of general categories, which PCRE2 knows as short ones. */
static const char *const categories[][2] = {
	{ "Letter", "L" },
	{ "Cased_Letter", "L&" },
	{ "Uppercase_Letter", "Lu" },
	{ "Lowercase_Letter", "Ll" },
	{ "Titlecase_Letter", "Lt" },
	{ "Modifier_Letter", "Lm" },
	{ "Other_Letter", "Lo" },
	{ "Mark", "M" },
	{ "Nonspacing_Mark", "Mn" },
	{ "Spacing_Mark", "Mc" },
	{ "Enclosing_Mark", "Me" },
	{ "Number", "N" },
	{ "Decimal_Number", "Nd" },
	{ "digit", "Nd" },
	{ "Letter_Number", "Nl" },
	{ "Other_Number", "No" },
	{ "Punctuation", "P" },
	{ "punct", "P" },
	{ "Connector_Punctuation", "Pc" },
	{ "Dash_Punctuation", "Pd" },
	{ "Open_Punctuation", "Ps" },
	{ "Close_Punctuation", "Pe" },
	{ "Initial_Punctuation", "Pi" },
	{ "Final_Punctuation", "Pf" },
	{ "Other_Punctuation", "Po" },
	{ "Symbol", "S" },
	{ "Math_Symbol", "Sm" },
	{ "Currency_Symbol", "Sc" },
	{ "Modifier_Symbol", "Sk" },
	{ "Other_Symbol", "So" },
	{ "Separator", "Z" },
	{ "Space_Separator", "Zs" },
	{ "Line_Separator", "Zl" },
	{ "Paragraph_Separator", "Zp" },
	{ "Other", "C" },
	{ "Control", "Cc" },
	{ "Format", "Cf" },
	{ "Private_Use", "Co" },
	{ "Unassigned", "Cn" },
};

/* Blanks of ECMA-262 beyond those of \s in ASCII: WhiteSpace, LineTerminator. */
#define BLANKS                                                           \
	"\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}" \
	"\\x{205f}\\x{3000}\\x{feff}"

static const char *
add_category(struct buf *out, const char *at, const char *end)
{
	const char *name = at + 3, *close, *equals;
	size_t i, len;

	close = end - at > 3 && at[2] == '{'
			? memchr(name, '}', (size_t)(end - name))
			: NULL;
	if (close == NULL) {
		buf_add(out, at, 2);
		return at + 2;
	}
	equals = memchr(name, '=', (size_t)(close - name));
	if (equals != NULL) /* General_Category=Letter, Script=Greek */
		name = equals + 1;
	len = (size_t)(close - name);
	buf_add(out, at, 3);
	for (i = 0; i < sizeof(categories) / sizeof(*categories); i++)
		if (strlen(categories[i][0]) == len &&
		    memcmp(categories[i][0], name, len) == 0)
			break;
	if (i < sizeof(categories) / sizeof(*categories))
		buf_adds(out, categories[i][1]);
	else
		buf_add(out, name, len);
	buf_addc(out, '}');
	return close + 1;
}

/* The number of \uXXXX at `at`, or -1. */
static int
hex4(const char *at, const char *end)
{
	char digits[5] = { 0 };

	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	memcpy(digits, at + 2, 4);
	if (strspn(digits, "0123456789abcdefABCDEF") != 4)
		return -1;
	return (int)strtol(digits, NULL, 16);
}

/* \uXXXX, or two that are a pair of surrogates. */
static const char *
add_unicode(struct buf *out, const char *at, const char *end)
{
	int high = hex4(at, end), low = high < 0 ? -1 : hex4(at + 6, end);

	if (high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
		buf_addf(out, "\\x{%x}",
			 0x10000u + ((unsigned)(high - 0xd800) << 10) +
				 (unsigned)(low - 0xdc00));
		return at + 12;
	}
	if (high >= 0) {
		buf_addf(out, "\\x{%x}", (unsigned)high);
		return at + 6;
	}
	/* \u{X…} */
	buf_adds(out, end - at > 3 && at[2] == '{' ? "\\x" : "\\u");
	return at + 2;
}

static const char *
add_escape(struct buf *out, const char *at, const char *end, bool in_class)
{
	if (end - at < 2) {
		buf_addc(out, '\\');
		return end;
	}
	switch (at[1]) {
	case 'p':
	case 'P':
		return add_category(out, at, end);
	case 'u':
		return add_unicode(out, at, end);
	case 's':
		buf_adds(out, in_class ? "\\s" BLANKS : "[\\s" BLANKS "]");
		return at + 2;
	case 'S':
		buf_adds(out, in_class ? "\\S" : "[^\\s" BLANKS "]");
		return at + 2;
	case 'c':
		if (end - at < 3)
			break;
		buf_addf(out, "\\x{%x}", (unsigned)at[2] & 31);
		return at + 3;
	case 'a': /* a bell to PCRE2, an error in ECMA-262 */
	case 'Z':
	case 'A':
	case 'z':
	case 'G':
		buf_adds(out, "\\y"); /* no escape of PCRE2 either */
		return at + 2;
	default:
		break;
	}
	buf_add(out, at, 2);
	return at + 2;
}

/* What begins here is no (?…, or one of ECMA-262. */
static bool
is_group(const char *at, const char *end)
{
	if (end - at < 3 || at[0] != '(' || at[1] != '?')
		return true;
	return strchr(":=!<", at[2]) != NULL;
}

/* Append the pattern as PCRE2 takes it.  Returns NULL, or what is wrong. */
static const char *
translate(struct buf *out, const char *at, size_t len)
{
	const char *end = at + len;
	bool in_class = false;

	while (at < end) {
		if (*at == '\\') {
			at = add_escape(out, at, end, in_class);
			continue;
		}
		if (!in_class && !is_group(at, end))
			return "a group that ECMA-262 does not have";
		if (*at == '[' && in_class)
			buf_addc(out, '\\'); /* no class within a class */
		else if (*at == '[')
			in_class = true;
		else if (*at == ']')
			in_class = false;
		buf_addc(out, *at++);
	}
	return NULL;
}

struct schema_pattern *
schema_pattern_compile(const char *text, size_t len, char *error, size_t size)
{
	struct schema_pattern *p;
	struct buf ours = { 0 };
	PCRE2_UCHAR why[128];
	pcre2_code *code;
	size_t at;
	const char *wrong = translate(&ours, text, len);
	int number;

	if (wrong != NULL) {
		buf_release(&ours);
		snprintf(error, size, "%s", wrong);
		return NULL;
	}
	code = pcre2_compile(
		(PCRE2_SPTR)buf_text(&ours), ours.len,
		PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS |
			PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C |
			PCRE2_NO_UTF_CHECK,
		&number, &at, NULL);
	buf_release(&ours);
	if (code == NULL) {
		pcre2_get_error_message(number, why, sizeof(why));
		snprintf(error, size, "%s", (const char *)why);
		return NULL;
	}
	(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* else slower */
	p = xcalloc(1, sizeof(*p));
	p->code = code;
	p->match = pcre2_match_data_create(1, NULL);
	p->context = pcre2_match_context_create(NULL);
	if (p->match == NULL || p->context == NULL) {
		schema_pattern_free(p);
		snprintf(error, size, "out of memory");
		return NULL;
	}
	pcre2_set_match_limit(p->context, MATCH_LIMIT);
	pcre2_set_heap_limit(p->context, HEAP_KIB);
	return p;
}

int
schema_pattern_match(const struct schema_pattern *p, const char *text,
		     size_t len)
{
	int rc = pcre2_match(p->code, (PCRE2_SPTR)text, len, 0,
			     PCRE2_NO_UTF_CHECK, p->match, p->context);

	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	return rc < 0 ? -1 : 1;
}

void
schema_pattern_free(struct schema_pattern *p)
{
	if (p == NULL)
		return;
	pcre2_match_context_free(p->context);
	pcre2_match_data_free(p->match);
	pcre2_code_free(p->code);
	free(p);
}
